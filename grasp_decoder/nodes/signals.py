# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""What SIGINT and SIGTERM do to a node: it ends soon, and at once while it starts."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

ENDING_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class _Flag:
    """As `threading.Event`, without its lock: a signal that came within it would wait for its own thread for ever."""

    def __init__(self):
        self._on = False

    def is_set(self) -> bool:
        return self._on

    def set(self) -> None:
        self._on = True

    def clear(self) -> None:
        self._on = False


to_end = _Flag()
cut_short = _Flag()
_starts = _Flag()


class EndedEarly(BaseException):
    """SIGINT or SIGTERM came while the node started."""


@contextmanager
def starting() -> Iterator[None]:
    """Within it SIGINT or SIGTERM cuts short what the main thread does, such as waiting for a child that reads a file.

    On a busy machine, a node that went on until it had started would be killed meanwhile. What must be closed in order
    is opened later. A library may make an error of its own of it (`cut_short`), such as that it cannot be imported.
    """
    _starts.set()
    try:
        if to_end.is_set():
            raise EndedEarly
        yield
    except Exception:
        if cut_short.is_set():
            raise EndedEarly from None
        raise
    finally:
        _starts.clear()


@contextmanager
def not_cut_short() -> Iterator[None]:
    """Within `starting`, a step that ends before the node does: a child of a library would complain of its parent.

    The child itself does not hear the signal, which a terminal sends to it too.
    """
    starts = _starts.is_set()
    _starts.clear()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ENDING_SIGNALS)  # children start with it
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    if starts:
        _starts.set()
        if to_end.is_set():
            raise EndedEarly


def hear(number: int, frame: FrameType | None) -> None:
    to_end.set()
    if _starts.is_set():
        _starts.clear()  # a second one must not disturb the end
        cut_short.set()
        raise EndedEarly

# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Ctrl-C during training ends what is running with what it has; whoever started it may want to know."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def noticed_interrupt() -> Iterator[list]:
    """A list that is not empty once Ctrl-C came, which is handled as before."""
    noticed: list = []
    before = signal.getsignal(signal.SIGINT)

    def handle(number, frame):
        noticed.append(number)
        (before if callable(before) else signal.default_int_handler)(number, frame)

    signal.signal(signal.SIGINT, handle)
    try:
        yield noticed
    finally:
        signal.signal(signal.SIGINT, before)

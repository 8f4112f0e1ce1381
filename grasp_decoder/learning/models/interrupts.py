"""Ctrl-C during training ends what is running with what it has; whoever started it may want to know."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def noticed_interrupt() -> Iterator[list]:
    """A list that is not empty once Ctrl-C came, which is handled as ever."""
    noticed: list = []

    def handle(number, frame):
        noticed.append(number)
        signal.default_int_handler(number, frame)

    before = signal.signal(signal.SIGINT, handle)
    try:
        yield noticed
    finally:
        signal.signal(signal.SIGINT, before)

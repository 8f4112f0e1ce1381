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

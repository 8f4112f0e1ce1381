"""What every child process of ours does between fork and exec."""

from __future__ import annotations

import ctypes
import signal

_PR_SET_PDEATHSIG = 1


def prepare_child() -> None:
    """Let the child hear SIGINT, and have Linux end it when its parent is killed without warning."""
    # A job in the background of a shell ignores SIGINT, and so would its children.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)

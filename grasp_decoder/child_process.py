# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Child processes: what they do between fork and exec, and calls that cannot harm the process that makes them."""

from __future__ import annotations

import contextlib
import ctypes
import os
import pickle
import resource
import signal
import subprocess
import sys
from collections.abc import Callable
from typing import Any

_PR_SET_PDEATHSIG = 1
_SERVE = 'from grasp_decoder.child_process import _serve; _serve()'


class ChildDied(Exception):
    """A call in a child process gave no answer; the message says why."""


def prepare_child() -> None:
    """Let the child hear SIGINT, and have Linux end it when its parent is killed without warning."""
    # A job in the background of a shell ignores SIGINT, and so would its children.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def prepare_idle_child() -> None:
    """As `prepare_child`; the child gets only the CPU time that nobody else wants.

    `nice` does not do that: where the kernel groups processes by session (autogroup), it counts within a session only.
    """
    prepare_child()
    os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))


def call_in_child(function: Callable[..., Any], *arguments: Any, seconds: float, most_bytes: int | None = None) -> Any:
    """Call a function in a process of its own: a crash, an endless loop or a wish for all memory ends only that.

    It gets no real-time priority.

    Args:
        function: of a module's top level; called by its name.
        arguments: for it; they and the result are pickled.
        seconds: longest time that it may take.
        most_bytes: address space that it may use; None for half of the machine's memory.

    Raises:
        ChildDied: it crashed, took too long or wanted too much memory.
        Exception: what the function raises.
    """
    name = function.__module__, function.__qualname__
    most_bytes = most_bytes or os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') // 2
    # Threads of a numerical library reserve memory that nobody needs here.
    few = {'OMP_NUM_THREADS': '1', 'OPENBLAS_NUM_THREADS': '1', 'MALLOC_ARENA_MAX': '2'}
    try:
        child = subprocess.run(
            [sys.executable, '-P', '-c', _SERVE],
            input=pickle.dumps((os.getpid(), most_bytes, name, arguments)),
            capture_output=True,
            timeout=seconds,
            env={**os.environ, **few, 'PYTHONPATH': os.pathsep.join(filter(None, sys.path))},
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise ChildDied(f'it took more than {seconds:g} s') from None
    if child.returncode:
        words = child.stderr.decode(errors='replace').strip().split('\n')[-1][:200]
        how = f'signal {-child.returncode}' if child.returncode < 0 else f'status {child.returncode}'
        raise ChildDied(f'its process ended with {how}' + (f': {words}' if words else ''))
    result, error = pickle.loads(child.stdout)
    if error is not None:
        raise error
    return result


def _serve() -> None:
    """The child's side: make one call and write its result to what was stdout."""
    with os.fdopen(os.dup(1), 'wb') as answer:
        os.dup2(2, 1)  # what the function prints is not its result
        parent, most_bytes, (module, name), arguments = pickle.load(sys.stdin.buffer)
        prepare_child()
        if os.getppid() != parent:  # it died before Linux was told
            return
        limit_memory(most_bytes)
        _be_humble()
        result: Any = None
        error: Exception | None = None
        try:
            result = getattr(__import__(module, fromlist=[name]), name)(*arguments)
        except MemoryError:
            error = ChildDied(f'it needs more than {most_bytes / 2**30:.1f} GiB of memory')
        except Exception as raised:
            error = raised
        answer.write(pickle.dumps((result, error), pickle.HIGHEST_PROTOCOL))


def limit_memory(most_bytes: int) -> None:
    """Limit the address space of this process for good, and let it leave no core file."""
    for limit, most in ((resource.RLIMIT_AS, most_bytes), (resource.RLIMIT_CORE, 0)):
        allowed = resource.getrlimit(limit)[1]
        most = most if allowed == resource.RLIM_INFINITY else min(most, allowed)
        resource.setrlimit(limit, (most, most))


def _be_humble() -> None:
    """Give up a real-time priority and CPU that were inherited."""
    with contextlib.suppress(OSError):
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
        os.sched_setaffinity(0, range(os.cpu_count() or 1))

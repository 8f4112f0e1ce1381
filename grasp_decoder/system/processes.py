# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Nodes as child processes: found the way ``ros2 run`` finds them, watched, and ended cleanly."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from grasp_decoder.child_process import prepare_child, prepare_idle_child
from grasp_decoder.errors import GraspDecoderError

PACKAGE = 'grasp_decoder'


def executable_path(name: str) -> Path:
    """Path of an executable of this package on AMENT_PREFIX_PATH."""
    for prefix in os.environ.get('AMENT_PREFIX_PATH', '').split(os.pathsep):
        path = Path(prefix, 'lib', PACKAGE, name)
        if prefix and path.is_file():
            return path
    raise GraspDecoderError(
        f"the ROS 2 executable '{name}' is not on AMENT_PREFIX_PATH: start through ./run, or source install/setup.bash"
    )


class NodeProcess:
    """A node in a process of its own, its output in a log file.

    SIGINT ends it. It also ends when this process dies.

    Args:
        name: of the executable.
        arguments: for it.
        log: file for its output.
        environment: variables that differ from those of this process.
        idle: whether it only gets the CPU time that nobody else wants.
    """

    def __init__(
        self,
        name: str,
        arguments: list[str],
        log: Path,
        environment: dict[str, str] | None = None,
        idle: bool = False,
    ):
        self.name = name
        self.log = log
        with open(log, 'wb') as output:
            self._process = subprocess.Popen(
                [str(executable_path(name)), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(environment or {})},
                # Ctrl-C in the terminal is for this process, which then ends its nodes in order.
                start_new_session=True,
                preexec_fn=prepare_idle_child if idle else prepare_child,
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    def poll(self) -> int | None:
        """Exit status, or None while it runs."""
        return self._process.poll()

    def wait(self, timeout_s: float) -> int | None:
        """Exit status, or None when it still runs after the time-out."""
        try:
            return self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return None

    def interrupt(self) -> None:
        self.send_signal(signal.SIGINT)

    def send_signal(self, number: int) -> None:
        """Send a signal, if it still runs."""
        if self.poll() is None:
            self._process.send_signal(number)

    def kill(self) -> None:
        if self.poll() is None:
            self._process.kill()

    def log_text(self) -> str:
        return self.log.read_text(errors='replace')

    def last_words(self) -> str:
        """The last line that it wrote."""
        lines = self.log_text().split('\n')
        return next((line.strip() for line in reversed(lines) if line.strip()), 'no output')


@contextlib.contextmanager
def without_interrupts() -> Iterator[None]:
    """Ctrl-C does nothing meanwhile: who presses it twice does not want half a recording."""
    if threading.current_thread() is not threading.main_thread():  # which alone gets it
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def end_processes(processes: list[NodeProcess], patience_s: float = 5.0) -> list[NodeProcess]:
    """Interrupt all, wait, and kill those that still run. Return the ones that had to be killed."""
    for process in processes:
        process.interrupt()
    deadline = time.monotonic() + patience_s
    stubborn = [process for process in processes if process.wait(max(0.0, deadline - time.monotonic())) is None]
    for process in stubborn:
        process.kill()
        process.wait(patience_s)
    return stubborn

# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""One kind of input that is fuzzed, and calls in a child process without the second that they take."""

from __future__ import annotations

import importlib
import os
import pickle
import select
import signal
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from grasp_decoder.child_process import ChildDied, limit_memory

CALLERS = (
    'recording.neo_reader',
    'recording.binned_kinematics',
    'recording.mcap',
    'recording.hdf5',
    'bundle.engines.first_run',
)
"""Modules that call in a child process."""


class Target(ABC):
    """One kind of input.

    Args:
        material: folder for good inputs.
    """

    name: str

    def __init__(self, material: Path):
        self.material = material

    def prepare(self) -> None:
        """Make good inputs, and import what a case needs; called once."""
        self.material.mkdir()
        for caller in CALLERS:
            importlib.import_module(f'grasp_decoder.{caller}')

    @abstractmethod
    def make(self, rng: np.random.Generator, folder: Path) -> None:
        """Write a hostile input to ``folder``."""

    @abstractmethod
    def read(self, folder: Path) -> None:
        """Read it, and do with it what this package does."""


def fork_instead() -> None:
    """Have this process call in forks, where it would start a process that first imports everything for a second."""
    for caller in CALLERS:
        sys.modules[f'grasp_decoder.{caller}'].call_in_child = call_in_fork


def call_in_fork(function: Callable[..., Any], *arguments: Any, seconds: float, most_bytes: int | None = None) -> Any:
    """`call_in_child`, in a fork: the same but without a second for imports in each case."""
    end, start = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            if most_bytes:
                limit_memory(most_bytes)
            answer = function(*arguments), None
        except Exception as error:
            answer = None, error
        with os.fdopen(start, 'wb') as pipe:
            pickle.dump(answer, pipe)
        os._exit(0)
    os.close(start)
    with os.fdopen(end, 'rb') as pipe:
        in_time, _, _ = select.select([pipe], [], [], seconds)
        if not in_time:
            os.kill(pid, signal.SIGKILL)
        content = pipe.read()
    os.waitpid(pid, 0)
    if not in_time:
        raise ChildDied(f'it took more than {seconds:g} s')
    if not content:
        raise ChildDied('its process ended')
    result, error = pickle.loads(content)
    if error is not None:
        raise ChildDied('it needs too much memory') if isinstance(error, MemoryError) else error
    return result

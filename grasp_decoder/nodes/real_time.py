# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""How the process of a node is scheduled: a real-time priority, memory that stays, and a CPU of its own."""

from __future__ import annotations

import ctypes
import os

from rclpy.node import Node

from grasp_decoder.system.node_settings import RealTimeSettings

# Of <sys/mman.h>: what is there and what comes, each page from its first use on.
MCL_CURRENT, MCL_FUTURE, MCL_ONFAULT = 1, 2, 4


class RealTime:
    """Schedules the process of ``node``."""

    def __init__(self, node: Node, settings: RealTimeSettings):
        self._node = node
        self._settings = settings

    def apply(self) -> None:
        """Schedule all threads as the settings say, and with a priority keep the memory from being paged out.

        What the system does not allow is logged as a warning.
        """
        threads = [int(thread) for thread in os.listdir('/proc/self/task')]
        priority, cpu = self._settings.priority, self._settings.cpu
        try:
            if priority:
                for thread in threads:
                    os.sched_setscheduler(thread, os.SCHED_FIFO, os.sched_param(priority))
        except OSError as error:
            self._warn(f'no real-time priority ({error.strerror}): allow it with ulimit -r or CAP_SYS_NICE')
        if priority:
            self._lock_memory()
        try:
            if cpu >= 0:
                for thread in threads:
                    os.sched_setaffinity(thread, {cpu})
        except OSError as error:
            self._warn(f'not pinned to CPU {cpu} ({error.strerror})')

    def step_back(self) -> None:
        """Let this thread, which inherits the priority of the one that started it, never delay that one.

        It keeps a real-time priority where there is one below: whoever waits for it waits for no ordinary process.
        """
        if os.sched_getscheduler(0) == os.SCHED_FIFO:
            below = os.sched_getparam(0).sched_priority - 1
            os.sched_setscheduler(0, os.SCHED_FIFO if below else os.SCHED_OTHER, os.sched_param(below))

    def _lock_memory(self) -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT):
            problem = os.strerror(ctypes.get_errno())
            self._warn(f'memory may be paged out ({problem}): allow locking with ulimit -l unlimited or CAP_IPC_LOCK')

    def _warn(self, text: str) -> None:
        self._node.get_logger().warning(text)

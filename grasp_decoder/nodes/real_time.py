"""How the process of a node is scheduled: a real-time priority and a CPU of its own."""

from __future__ import annotations

import os

from rclpy.node import Node

from grasp_decoder.system.node_settings import RealTimeSettings


class RealTime:
    """Schedules the process of ``node``."""

    def __init__(self, node: Node, settings: RealTimeSettings):
        self._node = node
        self._settings = settings

    def apply(self) -> None:
        """Schedule all threads as the settings say. What the system does not allow is logged as a warning."""
        threads = [int(thread) for thread in os.listdir('/proc/self/task')]
        priority, cpu = self._settings.priority, self._settings.cpu
        try:
            if priority:
                for thread in threads:
                    os.sched_setscheduler(thread, os.SCHED_FIFO, os.sched_param(priority))
        except OSError as error:
            self._warn(f'no real-time priority ({error.strerror}): allow it with ulimit -r or CAP_SYS_NICE')
        try:
            if cpu >= 0:
                for thread in threads:
                    os.sched_setaffinity(thread, {cpu})
        except OSError as error:
            self._warn(f'not pinned to CPU {cpu} ({error.strerror})')

    def _warn(self, text: str) -> None:
        self._node.get_logger().warning(text)

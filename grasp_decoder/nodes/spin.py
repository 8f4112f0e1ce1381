# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Spinning for low latency: the main thread does the node's work, an executor in a second thread does all else.

The main thread waits for one subscription alone (`Receiver`). Services, timers and other subscriptions are spun by an
ordinary executor in a second thread, so that none of them can delay a spike. What both threads touch needs a lock.
"""

from __future__ import annotations

import gc
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node

from grasp_decoder.nodes.life import end_in_time, goes_on

# A thread that wants the interpreter waits this long for it instead of 5 ms.
SWITCH_INTERVAL_S = 0.0002
COLLECT_EVERY_S = 1.0
POLL_S = 0.1


def spin(
    node: Node,
    work: Callable[[], bool],
    last: Callable[[], None] | None = None,
    beside: Callable[[], None] | None = None,
) -> None:
    """Call ``work`` in this thread until it gives False or the node is to end; spin the rest of ``node`` beside it.

    An error in a callback ends both, and is raised here.

    Args:
        node: to spin.
        work: called again and again.
        last: called at the end, whatever ended it, while the rest of the node is still spun.
        beside: called first of all in the thread beside this one.
    """
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    executor = SingleThreadedExecutor(context=node.context)
    executor.add_node(node)
    errors: list[Exception] = []
    services = threading.Thread(target=_spin_beside, args=(executor, beside, errors), name='services', daemon=True)
    services.start()
    # Collecting all garbage takes tens of milliseconds. After a freeze, collecting the new garbage takes a tenth of a
    # millisecond. It is done between two messages, never within one.
    gc.collect()
    gc.freeze()
    gc.disable()
    collected = time.monotonic()
    try:
        while goes_on(node) and work():
            if errors:
                raise errors[0]
            if time.monotonic() - collected > COLLECT_EVERY_S:
                gc.collect()
                collected = time.monotonic()
    finally:
        gc.enable()
        end_in_time()
        if last is not None and node.context.ok():
            last()
        # The thread shuts the executor down itself: done from here, it could destroy what was about to wake the thread.
        executor.create_task(executor.shutdown, 0)
        # A thread that still ran when the process ends would take it down with an abort.
        services.join()
        signal.alarm(0)  # what the node does now may take its time


@contextmanager
def spun_here(node: Node) -> Iterator[SingleThreadedExecutor]:
    """An executor that spins ``node`` when it is told to. It is shut down before ROS is: later it would complain."""
    executor = SingleThreadedExecutor(context=node.context)
    executor.add_node(node)
    try:
        yield executor
    finally:
        executor.shutdown(0)


def spin_alone(node: Node) -> None:
    """Spin ``node`` in this thread until it is to end."""
    with spun_here(node) as executor:
        while goes_on(node):
            executor.spin_once(timeout_sec=POLL_S)


def _spin_beside(executor: SingleThreadedExecutor, first: Callable[[], None] | None, errors: list[Exception]) -> None:
    try:
        if first is not None:
            first()
        executor.spin()
    except ExternalShutdownException:
        pass
    except Exception as error:
        errors.append(error)

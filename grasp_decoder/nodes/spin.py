"""Spinning for low latency: one subscription is received in a tight loop, all else in a thread beside it.

An executor asks every entity of a node (a lifecycle node has fourteen services) before and after each message. Here
the main thread waits on one subscription alone; services, timers and other subscriptions are spun by an ordinary
executor in a second thread, so that none of them can delay a spike. What both sides touch needs a lock.
"""

from __future__ import annotations

import contextlib
import gc
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator

import rclpy
from rclpy.callback_groups import CallbackGroup
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.impl.implementation_singleton import rclpy_implementation
from rclpy.node import Node
from rclpy.subscription import Subscription

from grasp_decoder.errors import GraspDecoderError

# A thread that wants the interpreter waits this long for it instead of 5 ms.
SWITCH_INTERVAL_S = 0.0002
COLLECT_EVERY_S = 1.0
# The warm-up takes half of this.
WARM_UP_BEFORE_NS = 1_500_000


class ReceivedByHand(CallbackGroup):
    """The group of subscriptions that no executor may touch: `receive` takes their messages."""

    def can_execute(self, entity) -> bool:
        return False

    def beginning_execution(self, entity) -> bool:
        return False

    def ending_execution(self, entity) -> None:
        pass


class Receiver:
    """Takes the messages of one subscription of the group `ReceivedByHand`, in the calling thread.

    After a pause a first pass through code and data takes several times as long as the next, since other processes
    have had the CPU's caches and page tables. So when it is known when a message is due (`expect`), ``warm_up`` is
    called a moment before, to go the same way with made-up data.
    """

    def __init__(
        self, subscription: Subscription, context: rclpy.context.Context, warm_up: Callable[[], None] | None = None
    ):
        self._subscription = subscription
        self._warm_up = warm_up
        self._expected_ns: int | None = None
        self._wait_set = rclpy_implementation.WaitSet(1, 0, 0, 0, 0, 0, context.handle)

    def expect(self, time_ns: int) -> None:
        """The next message that matters comes at about this CLOCK_MONOTONIC."""
        if self._warm_up is not None:
            self._expected_ns = time_ns

    def receive(self, timeout_ns: int) -> Iterator:
        """The messages that are there, oldest first and each at once; wait up to ``timeout_ns`` for the first."""
        if self._expected_ns is not None:
            remaining_ns = self._expected_ns - WARM_UP_BEFORE_NS - time.monotonic_ns()
            if remaining_ns > 0:
                timeout_ns = min(timeout_ns, remaining_ns)
            else:
                self._expected_ns = None
                if not self._is_ready(0):
                    self._warm_up()
        self._is_ready(timeout_ns)
        while (taken := self._subscription.handle.take_message(self._subscription.msg_type, False)) is not None:
            yield taken[0]

    def _is_ready(self, timeout_ns: int) -> bool:
        self._wait_set.clear_entities()
        self._wait_set.add_subscription(self._subscription.handle)
        self._wait_set.wait(timeout_ns)
        return self._wait_set.is_ready('subscription', 0)


def spin(node: Node, work: Callable[[], bool]) -> None:
    """Call ``work`` in this thread until it gives False or ROS shuts down; spin the rest of ``node`` beside it."""
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    executor = SingleThreadedExecutor(context=node.context)
    executor.add_node(node)
    beside = threading.Thread(target=_spin_until_shutdown, args=(executor,), name='services', daemon=True)
    beside.start()
    # A collection of everything takes tens of milliseconds, of what came after the freeze a tenth of one: that is done
    # between two messages and never within one.
    gc.collect()
    gc.freeze()
    gc.disable()
    collected = time.monotonic()
    try:
        while node.context.ok() and work():
            if not beside.is_alive() and node.context.ok():
                raise RuntimeError('the thread of services, timers and subscriptions has died: see above')
            if time.monotonic() - collected > COLLECT_EVERY_S:
                gc.collect()
                collected = time.monotonic()
    finally:
        gc.enable()
        executor.shutdown(timeout_sec=1.0)


def _spin_until_shutdown(executor: SingleThreadedExecutor) -> None:
    with contextlib.suppress(ExternalShutdownException):
        executor.spin()


def run_node(make_node: Callable[[], Node], args: list[str] | None = None) -> int:
    """The life of a process with one node: exit status 0, or 2 after one line about what is wrong.

    The node's method ``run()`` does its work and returns when ROS shuts down or nothing is left to do.
    """
    try:
        rclpy.init(args=args)
        node = make_node()
        try:
            node.run()
        finally:
            node.destroy_node()
    except GraspDecoderError as error:
        print(f'error: {error}', file=sys.stderr)
        return 2
    except (KeyboardInterrupt, ExternalShutdownException):
        pass
    finally:
        rclpy.try_shutdown()
    return 0


def prefer_real_time(priority: int, cpu: int) -> list[str]:
    """Give all threads of this process a real-time priority (SCHED_FIFO; 0: none) and pin them to a CPU (-1: any).

    Returns:
        One line for each that the system does not allow; the process runs all the same.

    """
    refused = []
    threads = [int(thread) for thread in os.listdir('/proc/self/task')]
    try:
        if priority:
            for thread in threads:
                os.sched_setscheduler(thread, os.SCHED_FIFO, os.sched_param(priority))
    except OSError as error:
        refused.append(f'no real-time priority ({error.strerror}): allow it with ulimit -r or CAP_SYS_NICE')
    try:
        if cpu >= 0:
            for thread in threads:
                os.sched_setaffinity(thread, {cpu})
    except OSError as error:
        refused.append(f'not pinned to CPU {cpu} ({error.strerror})')
    return refused

"""Spinning for low latency: the main thread does the node's work, an executor in a second thread does all else.

The main thread waits for one subscription alone (`Receiver`). Services, timers and other subscriptions are spun by an
ordinary executor in a second thread, so that none of them can delay a spike. What both threads touch needs a lock.
"""

from __future__ import annotations

import contextlib
import gc
import signal
import sys
import threading
import time
from collections.abc import Callable

import rclpy
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions
from rclpy.utilities import remove_ros_args

from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.system.network import stay_on_this_machine
from grasp_decoder.system.node_help import node_help

# A thread that wants the interpreter waits this long for it instead of 5 ms.
SWITCH_INTERVAL_S = 0.0002
COLLECT_EVERY_S = 1.0


_to_end = threading.Event()


def spin(
    node: Node,
    work: Callable[[], bool],
    last: Callable[[], None] | None = None,
    beside: Callable[[], None] | None = None,
) -> None:
    """Call ``work`` in this thread until it gives False or the node is to end; spin the rest of ``node`` beside it.

    Args:
        node: to spin.
        work: called again and again.
        last: called at the end, whatever ended it, while the rest of the node is still spun.
        beside: called first of all in the thread beside this one.
    """
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    executor = SingleThreadedExecutor(context=node.context)
    executor.add_node(node)
    services = threading.Thread(target=_spin_until_shutdown, args=(executor, beside), name='services', daemon=True)
    services.start()
    # Collecting all garbage takes tens of milliseconds. After a freeze, collecting the new garbage takes a tenth of a
    # millisecond. It is done between two messages, never within one.
    gc.collect()
    gc.freeze()
    gc.disable()
    collected = time.monotonic()
    try:
        while node.context.ok() and not _to_end.is_set() and work():
            if not services.is_alive() and node.context.ok():
                raise RuntimeError('the thread of services, timers and subscriptions has died: see above')
            if time.monotonic() - collected > COLLECT_EVERY_S:
                gc.collect()
                collected = time.monotonic()
    finally:
        gc.enable()
        if last is not None and node.context.ok():
            last()
        executor.shutdown(timeout_sec=1.0)
        services.join(1.0)


def _spin_until_shutdown(executor: SingleThreadedExecutor, first: Callable[[], None] | None) -> None:
    if first is not None:
        first()
    with contextlib.suppress(ExternalShutdownException):
        executor.spin()


def run_node(make_node: Callable[[], Node], args: list[str] | None = None, last_words: bool = False) -> int:
    """The life of a process with one node: exit status 0, or 2 after one line about what is wrong.

    The node's method ``run()`` does its work and returns when ROS shuts down or nothing is left to do. With ``--help``
    the process prints what the node does and ends; any other argument that is not for ROS is refused.

    Args:
        make_node: makes the node.
        args: command line, the program first; None takes the process's own.
        last_words: SIGINT and SIGTERM end `spin` and leave ROS up until ``run()`` has returned, so that the node can
            say something at its end.
    """
    try:
        given = remove_ros_args(sys.argv if args is None else args)[1:]
        if {'-h', '--help'} & {*given}:
            about = sys.modules[make_node.__module__].__doc__
            print(node_help(about.partition(':')[0], about))
            return 0
        if given:
            raise GraspDecoderError(f'{given[0]}: parameters are given as --ros-args -p NAME:=VALUE; --help lists them')
        stay_on_this_machine()
        rclpy.init(args=args, signal_handler_options=None if not last_words else SignalHandlerOptions.NO)
        if last_words:
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, lambda number, frame: _to_end.set())
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

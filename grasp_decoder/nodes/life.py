# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""The life of a process with one node: how it starts, what ends it, and its exit status."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

import rclpy
from rclpy._rclpy_pybind11 import RCLError
from rclpy.executors import ExternalShutdownException
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions
from rclpy.utilities import remove_ros_args

from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.system.network import stay_on_this_machine
from grasp_decoder.system.node_help import node_help

ENDING_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class _Flag:
    """As `threading.Event`, without its lock: a signal that came within it would wait for its own thread for ever."""

    def __init__(self):
        self._on = False

    def is_set(self) -> bool:
        return self._on

    def set(self) -> None:
        self._on = True

    def clear(self) -> None:
        self._on = False


_to_end = _Flag()
_starts = _Flag()
_trouble: list[str] = []


class _EndedEarly(BaseException):
    """SIGINT or SIGTERM came while the node started."""


def goes_on(node: Node) -> bool:
    """Whether the node is to go on: no SIGINT or SIGTERM came, and ROS is not shut down."""
    return node.context.ok() and not _to_end.is_set()


def give_up(reason: str) -> None:
    """Let the node end as after a SIGTERM, but with status 1 and this reason."""
    _trouble.append(reason)
    _to_end.set()


@contextmanager
def starting() -> Iterator[None]:
    """Within it SIGINT or SIGTERM cuts short what the main thread does, such as waiting for a child that reads a file.

    On a busy machine, a node that went on until it had started would be killed meanwhile. What must be closed in order
    is opened later.
    """
    _starts.set()
    try:
        if _to_end.is_set():
            raise _EndedEarly
        yield
    finally:
        _starts.clear()


def _hear(number: int, frame: FrameType | None) -> None:
    _to_end.set()
    if _starts.is_set():
        _starts.clear()  # a second one must not disturb the end
        raise _EndedEarly


@contextmanager
def _arguments_for_ros() -> Iterator[None]:
    """Say in one line which argument ROS refuses, such as a parameter file that is missing."""
    try:
        yield
    except RuntimeError as error:
        raise GraspDecoderError(f'arguments for ROS: {_in_short(error)}') from None


@contextmanager
def _node_of_ros() -> Iterator[None]:
    """Say in one line why ROS starts no node, such as one whose keys DDS does not take."""
    try:
        yield
    except RCLError as error:
        raise GraspDecoderError(f'ROS does not start the node: {_in_short(error)}') from None


def _in_short(error: Exception) -> str:
    """The first line of an error of ROS, without the place in its source."""
    return str(error).splitlines()[0].partition(', at /')[0]


def run_node(make_node: Callable[[], Node], args: list[str] | None = None) -> int:
    """Run one node: exit status 0, or what its ``run`` returns, or 2 after one line about what is wrong.

    The node's method ``run()`` does its work. It returns when nothing is left to do, or soon after `goes_on` has become
    false. Once the node has started (`starting`), SIGINT and SIGTERM do no more than that: ROS stays up until the node
    is destroyed, so that the node can still publish, and no thread uses what is gone. With ``--help`` the process
    prints what the node does and ends; any other argument that is not for ROS is refused. After `give_up` the status is
    1.

    Args:
        make_node: makes the node.
        args: command line, the program first; None takes the process's own.
    """
    try:
        with _arguments_for_ros():
            given = remove_ros_args(sys.argv if args is None else args)[1:]
        if {'-h', '--help'} & {*given}:
            about = sys.modules[make_node.__module__].__doc__
            print(node_help(about.partition(':')[0], about))
            return 0
        if given:
            raise GraspDecoderError(f'{given[0]}: parameters are given as --ros-args -p NAME:=VALUE; --help lists them')
        for number in ENDING_SIGNALS:
            signal.signal(number, _hear)
        stay_on_this_machine()
        with _arguments_for_ros():
            rclpy.init(args=args, signal_handler_options=SignalHandlerOptions.NO)
        with _node_of_ros(), starting():
            node = make_node()
        try:
            status = node.run() or 0
        finally:
            node.destroy_node()
        if _trouble:
            print(f'error: {_trouble[0]}', file=sys.stderr)
            return 1
    except GraspDecoderError as error:
        print(f'error: {error}', file=sys.stderr)
        return 2
    except (ExternalShutdownException, _EndedEarly):
        return 0
    finally:
        rclpy.try_shutdown()
        for number in ENDING_SIGNALS:  # it ends anyway
            signal.signal(number, signal.SIG_IGN)
    return status

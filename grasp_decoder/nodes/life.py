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

import faulthandler
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import rclpy
from rclpy._rclpy_pybind11 import RCLError
from rclpy.executors import ExternalShutdownException
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions
from rclpy.utilities import remove_ros_args

from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.nodes.signals import ENDING_SIGNALS, EndedEarly, hear, starting, to_end
from grasp_decoder.system.network import stay_on_this_machine
from grasp_decoder.system.node_help import node_help

# Where nothing hangs it takes tenths of a second. ros2 launch kills what still runs 10 s after SIGINT.
END_S = 8

_trouble: list[str] = []


def goes_on(node: Node) -> bool:
    """Whether the node is to go on: no SIGINT or SIGTERM came, and ROS is not shut down."""
    return node.context.ok() and not to_end.is_set()


def give_up(reason: str) -> None:
    """Let the node end as after a SIGTERM, but with status 1 and this reason."""
    _trouble.append(reason)
    to_end.set()


def end_in_time() -> None:
    """From now on the process has `END_S` for its end. If it hangs, it says where each thread is, and is killed.

    The parts of ROS wait for each other without a limit, and have been seen to do so for ever. The system's alarm clock
    needs no thread and no interpreter that still run.
    """
    faulthandler.register(signal.SIGALRM, file=2, chain=True)
    signal.alarm(END_S)


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
    is destroyed, so that the node can still publish, and no thread uses what is gone. The process is to end then
    (`end_in_time`). With ``--help`` the process prints what the node does and ends; any other argument that is not for
    ROS is refused. After `give_up` the status is 1.

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
            signal.signal(number, hear)
        stay_on_this_machine()
        with _arguments_for_ros():
            rclpy.init(args=args, signal_handler_options=SignalHandlerOptions.NO)
        node: Node | None = None
        try:
            with _node_of_ros(), starting():
                node = make_node()
            status = node.run() or 0
        finally:
            end_in_time()
            if node is not None:
                node.destroy_node()
        if _trouble:
            print(f'error: {_trouble[0]}', file=sys.stderr)
            return 1
    except GraspDecoderError as error:
        print(f'error: {error}', file=sys.stderr)
        return 2
    except (ExternalShutdownException, EndedEarly):
        return 0
    finally:
        rclpy.try_shutdown()
        for number in ENDING_SIGNALS:  # it ends anyway
            signal.signal(number, signal.SIG_IGN)
    return status

# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Start the running system: recorded or live spikes in, a grasping hand out.

Without arguments it runs the demo.
"""

import time
from dataclasses import replace
from pathlib import Path

from ament_index_python.packages import get_packages_with_prefixes
from launch.actions import (
    DeclareLaunchArgument,
    EmitEvent,
    LogInfo,
    OpaqueFunction,
    RegisterEventHandler,
    TimerAction,
)
from launch.event_handlers import OnProcessExit
from launch.events import Shutdown
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue

from grasp_decoder.hand.urdf import URDF
from grasp_decoder.system.checked_options import checked_options
from grasp_decoder.system.demo_files import demo_session, ready_bundle
from grasp_decoder.system.description import node_descriptions
from grasp_decoder.system.network import stay_on_this_machine
from grasp_decoder.system.replay_options import REAL, ReplayOptions
from grasp_decoder.system.restarts import DELAY_S, After, Restarts, started_again
from grasp_decoder.system.run_result import add_note
from grasp_decoder.types.setting import declarations
from launch import LaunchDescription

ARGUMENTS = declarations(ReplayOptions)
DEMO = ' Empty: that of the demo.'


def generate_launch_description():
    declared = []
    for argument in ARGUMENTS:
        description = argument.meaning() + (DEMO if argument.name in ('session', 'bundle') else '')
        default = 'mujoco' if argument.name == 'hand' else str(argument.default).lower()
        choices = {'choices': list(argument.choices)} if argument.choices else {}
        declared.append(DeclareLaunchArgument(argument.name, default_value=default, description=description, **choices))
    return LaunchDescription([*declared, OpaqueFunction(function=start)])


def start(context):
    stay_on_this_machine()
    values = {each.name: each.parse(LaunchConfiguration(each.name).perform(context)) for each in ARGUMENTS}
    options = checked_options(ReplayOptions(**values))
    if not options.bundle or (not options.session and options.source == 'replay'):
        if not options.session:
            options = replace(options, session=str(demo_session()), split='test')
        options = replace(options, bundle=options.bundle or str(ready_bundle()))
    restarts = Restarts(again=options.clock == REAL)
    nodes = [action for each in node_descriptions(options) for action in watched(each, restarts, options.result)]
    return nodes if options.hand == 'none' else [*nodes, robot_state_publisher(options)]


def robot_state_publisher(options):
    """What gives RViz and Foxglove the hand: /robot_description, and /tf from /joint_states."""
    if 'robot_state_publisher' not in get_packages_with_prefixes():
        return LogInfo(msg='robot_state_publisher is not installed: nobody publishes /robot_description and /tf')
    namespace = options.absolute_namespace
    described = {
        'robot_description': ParameterValue(URDF.read_text(), value_type=str),
        'frame_prefix': namespace.strip('/') and f'{namespace.strip("/")}/',
        'use_sim_time': options.clock != REAL,
    }
    return Node(
        package='robot_state_publisher',
        executable='robot_state_publisher',
        namespace=namespace,
        parameters=[described],
        ros_arguments=['--enclave', f'{namespace.rstrip("/")}/robot_state_publisher'],
    )


def watched(description, restarts, result):
    """A node, and what follows when it ends. What made the run fail is an error of launch, which then ends with 1."""
    name = description.executable
    node = Node(
        package='grasp_decoder',
        executable=name,
        name=name,
        namespace=description.namespace,
        output='screen',
        parameters=[*description.parameter_files, description.parameters],
        ros_arguments=['--enclave', description.enclave],
    )

    def ended(event, context):
        if context.is_shutdown:
            if name == 'run_monitor' and restarts.failure and Path(result).is_file():
                add_note(Path(result), restarts.failure)
            return []
        after = restarts.after(name, event.returncode, time.monotonic())
        said = LogInfo(msg=f'{name} has ended with status {event.returncode}: {after.value}')
        if restarts.failure:
            raise RuntimeError(f'{restarts.failure}: {after.value}')
        if after == After.END:
            return [said, EmitEvent(event=Shutdown(reason=f'{name} has ended'))]
        if after == After.START_AGAIN:
            return [said, TimerAction(period=DELAY_S, actions=watched(started_again(description), restarts, result))]
        return [said]

    return [RegisterEventHandler(OnProcessExit(target_action=node, on_exit=ended)), node]

"""Start the running system: recorded or live spikes in, a grasping hand out.

Without arguments it runs the demo, and first makes the demo's session and bundle.
"""

from dataclasses import replace

from launch.actions import DeclareLaunchArgument, EmitEvent, OpaqueFunction, RegisterEventHandler
from launch.event_handlers import OnProcessExit
from launch.events import Shutdown
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node

from grasp_decoder.cli.demo import prepare
from grasp_decoder.system.description import node_descriptions
from grasp_decoder.system.replay_options import ReplayOptions
from grasp_decoder.types.setting import declarations
from launch import LaunchDescription

# When one of these ends, the whole run ends: it is complete, or something is wrong.
VITAL = ('run_monitor', 'recorder', 'decoder', 'hand_bridge', 'simulated_hand')

ARGUMENTS = declarations(ReplayOptions)
DEMO = ' Empty: that of the demo, which is made first.'


def generate_launch_description():
    declared = []
    for argument in ARGUMENTS:
        description = argument.meaning() + (DEMO if argument.name in ('session', 'bundle') else '')
        default = 'mujoco' if argument.name == 'hand' else str(argument.default).lower()
        choices = {'choices': list(argument.choices)} if argument.choices else {}
        declared.append(DeclareLaunchArgument(argument.name, default_value=default, description=description, **choices))
    return LaunchDescription([*declared, OpaqueFunction(function=start)])


def start(context):
    values = {each.name: each.parse(LaunchConfiguration(each.name).perform(context)) for each in ARGUMENTS}
    options = ReplayOptions(**values).with_absolute_paths()
    if not options.bundle or (not options.session and options.source == 'replay'):
        session, bundle = prepare()
        if not options.session:
            options = replace(options, session=str(session), split='test')
        options = replace(options, bundle=options.bundle or str(bundle))
    nodes = [
        Node(
            package='grasp_decoder',
            executable=description.executable,
            name=description.executable,
            output='screen',
            parameters=[*description.parameter_files, description.parameters],
        )
        for description in node_descriptions(options)
    ]
    ends = [
        RegisterEventHandler(
            OnProcessExit(
                target_action=node, on_exit=[EmitEvent(event=Shutdown(reason=f'{node.node_executable} has ended'))]
            )
        )
        for node in nodes
        if node.node_executable in VITAL
    ]
    return [*nodes, *ends]

"""Start the running system: recorded or live spikes in, a grasping hand out.

Without arguments it runs the demo, and first makes the demo's session and bundle.
"""

import os
import subprocess

from launch.actions import DeclareLaunchArgument, EmitEvent, OpaqueFunction, RegisterEventHandler
from launch.event_handlers import OnProcessExit
from launch.events import Shutdown
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node

from grasp_decoder.system.demo_files import demo_files
from grasp_decoder.system.description import HANDS, SOURCES, SPLITS, Run, describe
from grasp_decoder.system.processes import executable_path
from launch import LaunchDescription

# When one of these ends, the whole run ends: it is complete, or something is wrong.
VITAL = ('run_monitor', 'recorder', 'decoder', 'hand_bridge', 'simulated_hand')

ARGUMENTS = {
    'session': ('', 'recording to replay; empty: the held-out trials of the demo session'),
    'bundle': ('', 'bundle folder, made by train; empty: the demo bundle'),
    'source': ('replay', f'where spikes come from ({", ".join(SOURCES)}); live starts no replayer'),
    'hand': ('mujoco', f'simulator of the hand ({", ".join(HANDS)})'),
    'speed': ('1.0', 'speed relative to real time; 0: as fast as the decoder follows'),
    'trials': ('0', 'replay only the first so many trials; 0: all'),
    'split': ('all', f'{", ".join(SPLITS)}; test: only trials that training held out'),
    'only_correct': ('false', 'true leaves out trials that the recording marks as not correct'),
    'mapping': ('', 'mapping YAML of the recording'),
    'objects': ('', 'catalogue of objects; empty: config/objects.yaml'),
    'params_file': ('', 'ROS 2 parameter file; its values replace those of config/*.yaml'),
    'result': ('', 'JSON file for the result'),
    'record': ('', '.npz or .mcap file in which to keep the run'),
}


def generate_launch_description():
    declared = [
        DeclareLaunchArgument(name, default_value=default, description=description)
        for name, (default, description) in ARGUMENTS.items()
    ]
    return LaunchDescription([*declared, OpaqueFunction(function=start)])


def start(context):
    values = {name: LaunchConfiguration(name).perform(context) for name in ARGUMENTS}
    for name in ('session', 'bundle', 'mapping', 'objects', 'params_file', 'result', 'record'):
        values[name] = values[name] and os.path.abspath(values[name])
    values.update(
        speed=float(values['speed']),
        trials=int(values['trials']),
        only_correct=values['only_correct'].lower() == 'true',
    )
    if not values['bundle'] or (not values['session'] and values['source'] == 'replay'):
        subprocess.run([str(executable_path('demo')), '--prepare'], check=True)
        session, bundle = demo_files()
        if not values['session']:
            values.update(session=str(session), split='test')
        values['bundle'] = values['bundle'] or str(bundle)
    nodes = [
        Node(
            package='grasp_decoder',
            executable=description.executable,
            name=description.executable,
            output='screen',
            parameters=[*description.parameter_files, description.parameters],
        )
        for description in describe(Run(**values))
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

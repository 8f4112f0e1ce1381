# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Start Gazebo Sim Harmonic with the hand, and the bridge to ROS topics. Then run: ./run replay_decode ... --hand ros.

It needs ros_gz_sim and ros_gz_bridge of a ROS 2 Jazzy installation. The tests of this project do not run it
(docs/gazebo.md).
"""

import tempfile
from pathlib import Path

from ament_index_python.packages import get_package_share_directory
from launch.actions import DeclareLaunchArgument, IncludeLaunchDescription
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node

from grasp_decoder.hand.sdf import HAND_SDF
from grasp_decoder.share import share_directory
from launch import LaunchDescription


def generate_launch_description():
    """Start Gazebo and the bridge."""
    share = share_directory()
    world = Path(tempfile.mkdtemp(prefix='grasp_decoder_')) / 'hand.sdf'
    world.write_text((share / 'worlds' / 'hand.sdf').read_text().replace('HAND_SDF', f'file://{HAND_SDF}'))
    gazebo = Path(get_package_share_directory('ros_gz_sim'), 'launch', 'gz_sim.launch.py')
    return LaunchDescription(
        [
            DeclareLaunchArgument('namespace', default_value='', description='that of the system that uses the hand'),
            IncludeLaunchDescription(
                PythonLaunchDescriptionSource(str(gazebo)), launch_arguments={'gz_args': f'-r {world}'}.items()
            ),
            Node(
                package='ros_gz_bridge',
                executable='parameter_bridge',
                namespace=LaunchConfiguration('namespace'),
                parameters=[{'config_file': str(share / 'config' / 'gazebo_bridge.yaml')}],
            ),
        ]
    )

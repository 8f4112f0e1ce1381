# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""The core without ROS: ``pip install .`` gives the command ``grasp-decoder``.

The ROS 2 package, with messages and nodes, is built by colcon from CMakeLists.txt.
"""

from glob import glob

from setuptools import setup

setup(
    entry_points={
        'console_scripts': ['grasp-decoder = grasp_decoder.__main__:main'],
        'grasp_decoder.simulators': [
            'mujoco = grasp_decoder.hand.mujoco.simulator:MujocoSimulator',
            'gazebo = grasp_decoder.hand.gazebo.simulator:GazeboSimulator',
        ],
        'grasp_decoder.sources': [
            'lsl = grasp_decoder.sources.lsl:open_lsl',
            'openephys = grasp_decoder.sources.open_ephys:OpenEphysSystem',
            'blackrock = grasp_decoder.sources.blackrock:BlackrockSystem',
        ],
    },
    data_files=[
        (f'share/grasp_decoder/{folder}', glob(f'{folder}/*.*'))
        for folder in ('config', 'worlds', 'bundles/demo', 'bundles/demo/report')
    ],
)

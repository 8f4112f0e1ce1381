"""The core without ROS: ``pip install .`` gives ``train``, ``evaluate`` and the other command lines.

The ROS 2 package, with messages and nodes, is built by colcon from CMakeLists.txt.
"""

from glob import glob

from setuptools import setup

COMMAND_LINES = (
    'bundle',
    'deidentify',
    'demo',
    'doctor',
    'edgetpu',
    'evaluate',
    'inspect',
    'replay_decode',
    'synthesize',
    'train',
)

SIMULATORS = (
    'mujoco = grasp_decoder.hand.mujoco.simulator:MujocoSimulator',
    'gazebo = grasp_decoder.hand.gazebo.simulator:GazeboSimulator',
)

setup(
    entry_points={
        'console_scripts': [f'{name} = grasp_decoder.cli.{name}:main' for name in COMMAND_LINES],
        'grasp_decoder.simulators': SIMULATORS,
    },
    data_files=[
        ('share/grasp_decoder/config', glob('config/*.*')),
        ('share/grasp_decoder/worlds', glob('worlds/*.*')),
    ],
)

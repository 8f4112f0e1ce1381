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
            'lsl = grasp_decoder.sources.lsl:LslSystem',
            'openephys = grasp_decoder.sources.open_ephys:OpenEphysSystem',
        ],
    },
    data_files=[
        (f'share/grasp_decoder/{folder}', glob(f'{folder}/*.*'))
        for folder in ('config', 'worlds', 'bundles/demo', 'bundles/demo/report')
    ],
)

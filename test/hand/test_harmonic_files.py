# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""What a Jazzy machine gets for Gazebo Sim Harmonic, checked without it: files agree with hand.sdf and the nodes."""

import xml.etree.ElementTree as ElementTree

import yaml

from grasp_decoder.control.grip_table import load_grip_table
from grasp_decoder.hand.sdf import LIFT_JOINT, hand_joint_names, hand_model
from grasp_decoder.share import share_directory
from grasp_decoder.system.interfaces import GAZEBO_JOINT_STATES, GAZEBO_OBJECT_POSE, GAZEBO_TARGET

WORLD = ElementTree.parse(share_directory() / 'worlds' / 'hand.sdf').getroot().find('world')
BRIDGE = yaml.safe_load((share_directory() / 'config' / 'gazebo_bridge.yaml').read_text())
CONTROLLERS = yaml.safe_load((share_directory() / 'config' / 'hand_controllers.yaml').read_text())


def test_the_world_drives_every_joint_as_hard_as_the_other_simulators():
    controllers = {
        plugin.findtext('joint_name'): plugin
        for plugin in WORLD.findall('include/plugin')
        if plugin.get('name') == 'gz::sim::systems::JointPositionController'
    }
    assert sorted(controllers) == sorted(hand_joint_names())
    for joint in hand_model().joints:
        assert float(controllers[joint.name].findtext('p_gain')) == float(f'{joint.stiffness:g}')
        assert float(controllers[joint.name].findtext('cmd_max')) == joint.effort
        assert float(controllers[joint.name].findtext('cmd_min')) == -joint.effort


def test_the_bridge_carries_every_target_to_its_joint():
    to_gazebo = {entry['ros_topic_name']: entry for entry in BRIDGE if entry['direction'] == 'ROS_TO_GZ'}
    assert sorted(to_gazebo) == sorted(GAZEBO_TARGET.of_joint(name).name for name in hand_joint_names())
    for name in hand_joint_names():
        entry = to_gazebo[GAZEBO_TARGET.of_joint(name).name]
        assert entry['gz_topic_name'] == f'/model/{hand_model().name}/joint/{name}/0/cmd_pos'
        assert (entry['ros_type_name'], entry['gz_type_name']) == ('std_msgs/msg/Float64', 'gz.msgs.Double')


def test_the_bridge_brings_back_joints_and_object_of_this_world():
    back = {entry['ros_topic_name']: entry['gz_topic_name'] for entry in BRIDGE if entry['direction'] == 'GZ_TO_ROS'}
    thing = next(model.get('name') for model in WORLD.findall('model') if model.get('name') != 'table')
    assert back == {
        GAZEBO_JOINT_STATES.name: f'/world/{WORLD.get("name")}/model/{hand_model().name}/joint_state',
        GAZEBO_OBJECT_POSE.name: f'/model/{thing}/pose',
    }


def test_ros2_control_takes_joints_in_the_order_in_which_hand_bridge_sends_them():
    sent = [joint for motor in load_grip_table().motors for joint in motor.joints]
    assert CONTROLLERS['hand_controller']['ros__parameters']['joints'] == sent
    assert CONTROLLERS['lift_controller']['ros__parameters']['joints'] == [LIFT_JOINT]
    declared = CONTROLLERS['controller_manager']['ros__parameters']
    assert {'hand_controller', 'lift_controller', 'joint_state_broadcaster'} <= declared.keys()


def test_the_launch_file_puts_the_hand_into_the_world():
    launch = (share_directory() / 'launch' / 'gazebo_hand.launch.py').read_text()
    compile(launch, 'gazebo_hand.launch.py', 'exec')
    assert WORLD.findtext('include/uri') == 'HAND_SDF'
    assert "replace('HAND_SDF'" in launch
    assert "'gazebo_bridge.yaml'" in launch

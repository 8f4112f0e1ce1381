# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""The layouts for Foxglove, PlotJuggler and RViz show topics, fields and frames that exist."""

import json
import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
import yaml

from grasp_decoder.hand.sdf import hand_joint_names
from grasp_decoder.hand.urdf import WORLD
from grasp_decoder.recording.message_definitions import message_definition
from grasp_decoder.system.interfaces import TOPICS

pytest.importorskip('std_msgs', reason='no ROS 2 in this environment: definitions come from it')

CONFIG = Path(__file__).resolve().parents[2] / 'config'
LAYOUT = json.loads((CONFIG / 'foxglove_layout.json').read_text())
CURVES = [each.get('name') for each in ElementTree.parse(CONFIG / 'plotjuggler.xml').getroot().iter('curve')]
# Without a namespace.
TYPES = {'/' + topic.name.removeprefix('/'): topic.type for topic in TOPICS}
PATHS = [path['value'] for panel in LAYOUT['configById'].values() for path in panel.get('paths', ())]


def panels(node):
    return [node] if isinstance(node, str) else panels(node['first']) + panels(node['second'])


def test_every_panel_is_placed_once():
    assert sorted(panels(LAYOUT['layout'])) == sorted(LAYOUT['configById'])


@pytest.mark.parametrize('path', PATHS)
def test_a_path_is_a_field_of_its_topic(path):
    topic, field = path.split('.')
    assert re.search(rf'^\S+ {field}\b', message_definition(TYPES[topic]), re.MULTILINE)


def test_raw_messages_are_of_a_topic():
    assert LAYOUT['configById']['RawMessages!info']['topicPath'] in TYPES


def test_the_hand_in_3d_is_that_of_robot_state_publisher():
    panel = LAYOUT['configById']['3D!hand']
    assert panel['followTf'] == WORLD
    assert panel['layers']['hand']['topic'] == '/robot_description'
    assert TYPES[panel['layers']['hand']['jointStatesTopic']] == 'sensor_msgs/msg/JointState'


@pytest.mark.parametrize('curve', CURVES)
def test_a_curve_of_plotjuggler_is_a_field_of_its_topic(curve):
    [topic] = [topic for topic in TYPES if curve.startswith(f'{topic}/')]
    field = curve.removeprefix(f'{topic}/')
    if TYPES[topic] == 'sensor_msgs/msg/JointState':  # PlotJuggler names its curves by joint
        joint, field = field.split('/')
        assert joint in hand_joint_names()
    assert re.search(rf'^\S+ {field}\b', message_definition(TYPES[topic]), re.MULTILINE)


def test_rviz_shows_the_hand_where_the_world_stands_still():
    rviz = yaml.safe_load((CONFIG / 'hand.rviz').read_text())['Visualization Manager']
    assert rviz['Global Options']['Fixed Frame'] == WORLD
    [hand] = [each for each in rviz['Displays'] if each['Class'] == 'rviz_default_plugins/RobotModel']
    assert hand['Description Topic']['Value'] == '/robot_description'
    assert hand['Description Topic']['Durability Policy'] == 'Transient Local'

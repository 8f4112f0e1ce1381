# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""The Foxglove layout shows topics and fields that exist."""

import json
import re
from pathlib import Path

import pytest

from grasp_decoder.recording.message_definitions import message_definition
from grasp_decoder.system.interfaces import TOPICS

pytest.importorskip('std_msgs', reason='no ROS 2 in this environment: definitions come from it')

LAYOUT = json.loads((Path(__file__).resolve().parents[2] / 'config' / 'foxglove_layout.json').read_text())
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

# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""config/NODE.yaml says what the settings of each node declare."""

import importlib
import inspect
import re
from pathlib import Path

import pytest
import yaml

from grasp_decoder.system.node_settings import NODE_SETTINGS
from grasp_decoder.system.parameter_files import parameter_file
from grasp_decoder.types.setting import declarations

ROOT = Path(__file__).resolve().parents[2]
NODES = sorted(path.stem for path in (ROOT / 'grasp_decoder' / 'nodes').glob('*.py') if 'def main(' in path.read_text())


def test_every_node_has_settings():
    assert sorted(NODE_SETTINGS) == NODES


@pytest.mark.parametrize('node', NODES)
def test_a_parameter_file_is_up_to_date(node):
    made = (ROOT / 'config' / f'{node}.yaml').read_text()
    assert made == parameter_file(node), 'run: ./run python -m grasp_decoder.system.parameter_files'


@pytest.mark.parametrize('node', NODES)
def test_a_parameter_file_holds_every_default(node):
    declared = {each.name: each.default for settings in NODE_SETTINGS[node] for each in declarations(settings)}
    assert yaml.safe_load(parameter_file(node)) == {f'/**/{node}': {'ros__parameters': declared}}


def test_a_comment_gives_meaning_unit_range_and_choices():
    text = parameter_file('hand_bridge')
    assert '    # least time in OPEN (s; from 0.0 to 10.0)\n    open_dwell_s: 0.3\n' in text
    assert '(one of by_fault, open, hold)\n    safe_state: by_fault\n' in text
    assert 'can be set while the node runs)\n    reorder_depth: 2\n' in parameter_file('decoder')


@pytest.mark.parametrize('node', NODES)
def test_a_node_declares_its_settings(node):
    pytest.importorskip('grasp_decoder.msg', reason='the messages are not built: ./run builds them')
    source = inspect.getsource(importlib.import_module(f'grasp_decoder.nodes.{node}'))
    declared = set(re.findall(r'declare\(self, (\w+)', source))
    if '(ManagedNode)' in source:
        declared |= {
            *re.findall(r'super\(\).__init__\((.*)\)', source)[0].split(', ')[1:],
            'LifeSettings',
            'RealTimeSettings',
        }
    assert declared == {each.__name__ for each in NODE_SETTINGS[node]}

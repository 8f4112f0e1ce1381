# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""A system is seen on its own machine only, unless the user asks for more."""

import os
import subprocess
import sys

import pytest

from grasp_decoder.system.network import DISCOVERY_RANGE, stay_on_this_machine


def test_what_the_user_asks_for_stays(monkeypatch):
    monkeypatch.delenv(DISCOVERY_RANGE, raising=False)
    stay_on_this_machine()
    assert os.environ[DISCOVERY_RANGE] == 'LOCALHOST'
    monkeypatch.setenv(DISCOVERY_RANGE, 'SUBNET')
    stay_on_this_machine()
    assert os.environ[DISCOVERY_RANGE] == 'SUBNET'


@pytest.mark.slow
@pytest.mark.parametrize('asked', [None, 'SUBNET'])
def test_every_node_starts_with_it(domain_id, monkeypatch, tmp_path, asked):
    pytest.importorskip('grasp_decoder.msg', reason='the messages are not built: ./run builds them')
    monkeypatch.delenv(DISCOVERY_RANGE)
    if asked:
        monkeypatch.setenv(DISCOVERY_RANGE, asked)
    program = """
import os
from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.nodes.life import run_node

def make():
    raise GraspDecoderError(os.environ['ROS_AUTOMATIC_DISCOVERY_RANGE'])

run_node(make, ['node'])
"""
    environment = {**os.environ, 'PYTHONPATH': os.pathsep.join(sys.path)}
    run = subprocess.run([sys.executable, '-c', program], env=environment, capture_output=True, text=True, check=False)
    assert run.stderr.strip() == f'error: {asked or "LOCALHOST"}'

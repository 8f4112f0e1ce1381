# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""The example of your own hand follows the running hand_bridge, and opens when that ends."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from grasp_decoder.control.grip_table import load_grip_table
from grasp_decoder.control.joint_targets import JointTargets

EXAMPLE = Path(__file__).resolve().parents[2] / 'examples' / 'own_hand.py'


@pytest.fixture
def port(tmp_path):
    """A port whose lines the test reads: (path, reader)."""
    path = tmp_path / 'port'
    os.mkfifo(path)
    with open(os.open(path, os.O_RDWR)) as reader:  # both ways, so that opening waits for nobody
        yield path, reader


@pytest.mark.slow
def test_the_hand_follows_the_bridge_and_opens_when_it_ends(start_node, port):
    path, reader = port
    hand = subprocess.Popen([sys.executable, EXAMPLE, '--port', path])
    try:
        bridge = start_node('hand_bridge')
        joints = JointTargets(load_grip_table()).names
        lines = [reader.readline().split() for _ in joints]
        assert tuple(name for name, _ in lines) == tuple(joints)
        assert all(-0.5 < float(angle) < 2.0 for _, angle in lines)

        bridge.interrupt()
        while (line := reader.readline()) != 'open\n':
            assert line.split()[0] in joints
    finally:
        hand.terminate()
        hand.wait(30)

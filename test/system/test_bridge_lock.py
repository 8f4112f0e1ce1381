# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""One hand_bridge at a time commands a hand; who dies lets go."""

import os
import subprocess
import sys

import pytest

from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.system.bridge_lock import BridgeLock

TOPIC = '/hand/joint_targets'
HOLDER = f"""
from grasp_decoder.system.bridge_lock import BridgeLock
lock = BridgeLock('{TOPIC}')
print('held', flush=True)
input()
"""


@pytest.fixture(autouse=True)
def state(tmp_path, monkeypatch):
    monkeypatch.setenv('XDG_STATE_HOME', str(tmp_path))
    return tmp_path


def test_one_holds_it_and_another_hand_is_free():
    lock = BridgeLock(TOPIC)
    with pytest.raises(GraspDecoderError, match=rf'{TOPIC}: another .* \(process {os.getpid()}\)'):
        BridgeLock(TOPIC)
    BridgeLock('/left' + TOPIC).release()
    lock.release()
    BridgeLock(TOPIC).release()


def test_a_process_that_is_killed_lets_go():
    holder = subprocess.Popen([sys.executable, '-c', HOLDER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert holder.stdout.readline() == 'held\n'
    with pytest.raises(GraspDecoderError, match=rf'process {holder.pid}\)'):
        BridgeLock(TOPIC)
    holder.kill()
    holder.communicate()
    BridgeLock(TOPIC).release()


def test_a_folder_that_cannot_be_written_is_one_line(state):
    (state / 'grasp_decoder').write_text('')
    with pytest.raises(GraspDecoderError, match='hand_bridge locks this file'):
        BridgeLock(TOPIC)

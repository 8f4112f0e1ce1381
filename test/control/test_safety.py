# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""The real chain, broken while it runs: source, decoder and hand_bridge are processes, and some of them die."""

import pytest

from grasp_decoder.recording.synthetic import synthesize
from grasp_decoder.recording.writing import write_session

pytest.importorskip('rclpy', reason='no ROS 2 in this environment')
pytest.importorskip('grasp_decoder.msg', reason='the messages are not built: ./run builds them')

from std_srvs.srv import Trigger

from grasp_decoder import msg
from grasp_decoder.nodes.topics import client, subscribe
from grasp_decoder.system.interfaces import HAND_COMMAND, PAUSE, RESUME

pytestmark = pytest.mark.slow

SAFE, OPEN = msg.HandCommand.SAFE, msg.HandCommand.OPEN


@pytest.fixture(scope='module')
def recording(tmp_path_factory):
    path = tmp_path_factory.mktemp('session') / 'small.mat'
    write_session(synthesize(units=24, trials=3, objects=2)[0], path)
    return path


def test_whatever_dies_the_hand_is_safe_and_comes_back_with_it(start_node, node, spin_until, recording, sample_bundle):
    """How soon it is safe depends on the machine: ``./run bench faults`` measures that."""
    commands = []
    subscribe(node, HAND_COMMAND, commands.append)

    def start_source():
        return start_node(
            'spike_replayer', '--ros-args', '-p', f'session:={recording}', '-p', 'loop:=true', '-p', 'subscribers:=2'
        )

    def start_decoder():
        return start_node('decoder', '--ros-args', '-p', f'bundle:={sample_bundle}')

    def reach(state, reason=''):
        # a busy machine may give another reason first
        def arrived():
            return commands and commands[-1].state == state and commands[-1].reason.startswith(reason)

        assert spin_until(arrived), commands[-1:]

    # an untrained network says anything about the phase: here it all counts as rest
    start_node('hand_bridge', '--ros-args', '-p', 'release_threshold:=1.0', '-p', 'close_threshold:=1.0')
    decoder, source = start_decoder(), start_source()
    reach(OPEN)

    decoder.kill()
    reach(SAFE, 'decoder stopped')
    decoder = start_decoder()
    reach(OPEN)

    source.kill()
    reach(SAFE, 'spikes stopped')
    start_source()
    reach(OPEN)

    pause = client(node, PAUSE)
    assert spin_until(pause.service_is_ready)
    pause.call_async(Trigger.Request())
    reach(SAFE, 'paused')
    resume = client(node, RESUME)
    assert spin_until(resume.service_is_ready)
    resume.call_async(Trigger.Request())
    reach(OPEN)

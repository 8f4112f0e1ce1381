# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""The node outlet: what is said on topics comes out of ROS."""

import json

import pytest
import zmq

from grasp_decoder.system.interfaces import DECODED_GRASP, HAND_COMMAND
from grasp_decoder.types.hand_command import HandCommand, HandMode

from helpers.healthy_decodes import Decoder


@pytest.mark.slow
def test_decodes_and_commands_become_json_lines(start_node, node, spin_until, tmp_path):
    from grasp_decoder.nodes.conversion import decoded_grasp_message, hand_command_message
    from grasp_decoder.nodes.topics import advertise

    address = f'ipc://{tmp_path}/lines'
    outlet = start_node('outlet', '--ros-args', '-p', f'zmq:={address}')
    context = zmq.Context()
    listener = context.socket(zmq.SUB)
    listener.connect(address)
    listener.subscribe(b'')
    decodes, commands = advertise(node, DECODED_GRASP), advertise(node, HAND_COMMAND)
    decode = Decoder().decode(object_id=61)
    said = {}

    def both_came():
        decodes.publish(decoded_grasp_message(decode, 'test'))
        commands.publish(hand_command_message(HandCommand(5, 0, HandMode.HOLD, 'power', 1.0, 'holds')))
        while listener.poll(20):
            line = json.loads(listener.recv())
            said[line['kind']] = line
        return len(said) == 2

    assert spin_until(both_came)
    context.destroy(linger=0)
    assert (said['decode']['bin'], said['decode']['object_id']) == (decode.bin, 61)
    assert (said['command']['state'], said['command']['grip']) == ('HOLD', 'power')
    outlet.interrupt()
    assert outlet.wait(10) == 0


@pytest.mark.slow
def test_nothing_to_send_is_refused(domain_id, tmp_path):
    pytest.importorskip('grasp_decoder.msg', reason='the messages are not built: ./run builds them')
    from grasp_decoder.system.processes import NodeProcess

    process = NodeProcess('outlet', [], tmp_path / 'log')
    assert process.wait(30) == 2
    assert process.last_words() == 'error: outlet: nothing is to be sent: give lsl:=true or zmq:=tcp://127.0.0.1:5570'

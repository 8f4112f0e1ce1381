# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""What a program without ROS reads from a ZeroMQ socket."""

import json

import pytest
import zmq

from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.outlets.json_lines import MOST_WAITING, JsonLines
from grasp_decoder.types.hand_command import HandCommand, HandMode

from helpers.healthy_decodes import Decoder

CLOSE = HandCommand(3, 0, HandMode.CLOSE, 'power', 0.5, 'decoded grasp', published_ns=7)


@pytest.fixture
def lines():
    outlet = JsonLines('tcp://127.0.0.1:*')
    yield outlet
    outlet.close()


@pytest.fixture
def listener(lines):
    """A listener that has been heard of: it has the first line of those sent until then."""
    context = zmq.Context()
    socket = context.socket(zmq.SUB)
    socket.connect(lines.address)
    socket.subscribe(b'')
    while not socket.poll(10):
        lines.send_command(CLOSE)
    yield socket
    context.destroy(linger=0)


def read(listener):
    return json.loads(listener.recv())


def test_a_command_and_a_decode_are_one_line_each(lines, listener):
    expected = {'kind': 'command', 'stamp_ns': 3, 'published_ns': 7, 'state': 'CLOSE', 'grip': 'power', 'aperture': 0.5}
    assert read(listener) == {**expected, 'still': False, 'reason': 'decoded grasp'}
    decode = Decoder().decode(grasp=0.9, object_id=44, invalid_reason='unit 3 is "silent"\n', validity=0.25)
    lines.send_decode(decode)
    while (line := listener.recv()).startswith(b'{"kind": "command"'):
        pass
    assert line.count(b'\n') == 1 and line.endswith(b'\n')
    said = json.loads(line)
    assert (said['stamp_ns'], said['due_ns'], said['bin']) == (decode.stamp_ns, decode.due_ns, decode.bin)
    assert (said['phase'], said['phase_probability'], said['object_id']) == ('GRASP', 0.9, 44)
    assert said['aperture'] is None  # NaN: the bundle decodes none
    assert (said['validity'], said['invalid_reason']) == (0.25, decode.invalid_reason)


def test_a_listener_that_does_not_read_holds_up_nobody(lines, listener):
    decode = Decoder().decode()
    for _ in range(100 * MOST_WAITING):
        lines.send_decode(decode)
    assert read(listener)


def test_an_address_that_is_taken_or_none_is_refused_in_one_line(lines):
    for address in (lines.address, 'nowhere', 'tcp://192.0.2.1:1'):
        with pytest.raises(GraspDecoderError, match=f"nothing can be published on '{address}'"):
            JsonLines(address)

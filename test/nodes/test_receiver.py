# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Receiver: a message that comes while it warms up does not wait for the end of that."""

import time

import pytest

pytest.importorskip('rclpy', reason='no ROS 2 in this environment')
pytest.importorskip('grasp_decoder.msg', reason='the messages are not built: ./run builds them')

from std_msgs.msg import Bool

from grasp_decoder.nodes.receiver import Receiver
from grasp_decoder.nodes.topics import advertise
from grasp_decoder.system.interfaces import LATCHED_E_STOP


def test_a_message_that_comes_early_is_seen_while_it_warms_up(node, spin_until):
    publisher = advertise(node, LATCHED_E_STOP)
    seen = []

    def warm_up(has_come):
        seen.append(has_come())
        publisher.publish(Bool(data=True))
        seen.append(spin_until(has_come))

    receiver = Receiver(node, LATCHED_E_STOP, warm_up=warm_up)
    assert spin_until(publisher.get_subscription_count)
    receiver.expect(time.monotonic_ns())
    assert [message.data for message in receiver.receive(0)] == [True]
    assert seen == [False, True]

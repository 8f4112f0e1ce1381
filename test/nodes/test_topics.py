# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Names as ROS resolves them: in the namespace of a node, and remapped."""

import pytest

from grasp_decoder.system.interfaces import DIAGNOSTICS, RESUME, SPIKES

pytest.importorskip('rclpy', reason='no ROS 2 in this environment')
pytest.importorskip('grasp_decoder.msg', reason='the messages are not built: ./run builds them')

from grasp_decoder.nodes.connections import Connections
from grasp_decoder.nodes.sole_publisher import SolePublisher
from grasp_decoder.nodes.topics import advertise, client, count_publishers, count_subscribers, full_name, subscribe


@pytest.fixture
def remapped(node):
    """A node in a namespace, whose spikes are elsewhere."""
    import rclpy

    arguments = ['--ros-args', '-r', 'spikes:=/lab/spikes']
    made = rclpy.create_node('remapped', context=node.context, namespace='left', cli_args=arguments)
    node.executor.add_node(made)
    yield made
    node.executor.remove_node(made)
    made.destroy_node()


def test_names_are_in_the_namespace_of_the_node(remapped):
    assert full_name(remapped, DIAGNOSTICS) == '/diagnostics'
    client(remapped, RESUME)
    assert [name for name, _ in remapped.get_client_names_and_types_by_node('remapped', '/left')] == [
        '/left/spike_replayer/resume'
    ]


def test_those_who_share_a_remapped_topic_are_counted(node, remapped, spin_until):
    assert full_name(remapped, SPIKES) == '/lab/spikes'
    publisher = advertise(remapped, SPIKES)
    sole, connections = SolePublisher(remapped, SPIKES), Connections(remapped, [SPIKES])
    assert spin_until(lambda: count_publishers(remapped, SPIKES) == 1) and publisher.topic_name == '/lab/spikes'
    assert not connections.missing() and count_subscribers(remapped, SPIKES) == 0
    advertise(node, SPIKES)  # /spikes: another topic
    node.create_publisher(publisher.msg_type, '/lab/spikes', 10)
    subscribe(node, SPIKES, print)
    assert spin_until(lambda: sole.others)
    assert count_publishers(remapped, SPIKES) == 2 and count_subscribers(remapped, SPIKES) == 0

# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Publishes one topic of Ignition Transport 8, which goes over ZeroMQ; subscribers find it by multicast."""

from __future__ import annotations

import socket
import struct
import threading
import uuid
from enum import IntEnum
from typing import Any

import zmq

from grasp_decoder.hand.gazebo.messages import Discovery, Publisher

DISCOVERY_GROUP = '224.0.0.7'
HOST = '127.0.0.1'
_TOPICS_PORT = 10317
_DISCOVERY_VERSION = 10
_HEARTBEAT_S = 0.2
_SCOPE_ALL = 2  # a topic for every host


class DiscoveryType(IntEnum):
    """What a `Discovery` says; ``Discovery.Type`` of Ignition Msgs."""

    ADVERTISE = 1
    HEARTBEAT = 4
    BYE = 5


class IgnitionPublisher:
    """Publishes messages of one type on a topic, to subscribers on this machine."""

    def __init__(self, partition: str, topic: str, message_class: Any):
        """Advertise the topic in a partition, and again until `close`: it is forgotten after 3 s without news."""
        self._topic = f'@/{partition}@{topic}'
        self._message_type = message_class.DESCRIPTOR.full_name
        self._zmq = zmq.Context()
        self._socket = self._zmq.socket(zmq.XPUB)
        self._socket.setsockopt(zmq.XPUB_VERBOSE, 1)
        self._address = bind(self._socket)
        # A new subscriber reports here. Nobody reads it, but gzserver waits until it can report.
        self._control = self._zmq.socket(zmq.ROUTER)
        self._control_address = bind(self._control)
        self._process_id, self._node_id = str(uuid.uuid4()), str(uuid.uuid4())
        self._multicast = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._multicast.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(HOST))
        self._multicast.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, 1)
        self._closing = threading.Event()
        self._advertiser = threading.Thread(target=self._advertise, name='ignition discovery', daemon=True)
        self._advertiser.start()

    def new_subscribers(self) -> int:
        """Return how many have come since the last call; they know nothing of what was published before."""
        count = 0
        while self._socket.poll(0):
            count += self._socket.recv()[0]  # first byte: 1 has subscribed, 0 has left
        return count

    def publish(self, message) -> None:
        """Send a message to all subscribers."""
        payload = message.SerializeToString()
        self._socket.send_multipart(
            [self._topic.encode(), self._address.encode(), payload, self._message_type.encode()]
        )

    def close(self) -> None:
        """Withdraw the topic."""
        self._closing.set()
        self._advertiser.join()
        self._send_discovery(DiscoveryType.BYE)
        self._multicast.close()
        self._control.close(linger=0)
        self._socket.close(linger=0)
        self._zmq.term()

    def _advertise(self) -> None:
        publisher = Publisher(
            topic=self._topic,
            address=self._address,
            process_uuid=self._process_id,
            node_uuid=self._node_id,
            scope=_SCOPE_ALL,
        )
        publisher.msg_pub.ctrl = self._control_address
        publisher.msg_pub.msg_type = self._message_type
        while not self._closing.wait(_HEARTBEAT_S):
            self._send_discovery(DiscoveryType.ADVERTISE, publisher)
            self._send_discovery(DiscoveryType.HEARTBEAT)

    def _send_discovery(self, kind: DiscoveryType, publisher=None) -> None:
        message = Discovery(version=_DISCOVERY_VERSION, process_uuid=self._process_id, type=kind, pub=publisher)
        payload = message.SerializeToString()
        self._multicast.sendto(struct.pack('<H', len(payload)) + payload, (DISCOVERY_GROUP, _TOPICS_PORT))


def bind(listening: zmq.Socket) -> str:
    """Let a socket listen on a free port of this machine, and return its address."""
    return f'tcp://{HOST}:{listening.bind_to_random_port(f"tcp://{HOST}")}'

"""One topic of Ignition Transport 8, published: ZeroMQ, found by multicast discovery."""

from __future__ import annotations

import socket
import struct
import threading
import uuid
from enum import IntEnum

import zmq

from grasp_decoder.hand.gazebo.messages import Discovery, Publisher

_DISCOVERY_ADDRESS = '224.0.0.7', 10317
_DISCOVERY_VERSION = 10
_HEARTBEAT_S = 0.2
_HOST = '127.0.0.1'
_SCOPE_ALL = 2  # of a publisher: it is for every host


class _Kind(IntEnum):
    """Types of discovery messages."""

    ADVERTISE = 1
    HEARTBEAT = 4
    BYE = 5


class IgnitionPublisher:
    """Publishes messages of one type on ``topic`` to subscribers of ``partition`` on this machine."""

    def __init__(self, partition: str, topic: str, message_type: str):
        """Announce the topic, and that it is alive until `close`: who does not hear of it for 3 s forgets it."""
        self._topic = f'@/{partition}@{topic}'
        self._message_type = message_type
        self._zmq = zmq.Context()
        self._socket = self._zmq.socket(zmq.XPUB)
        self._socket.setsockopt(zmq.XPUB_VERBOSE, 1)
        self._address = _bind(self._socket)
        # A new subscriber says so here, and gzserver waits until it could.
        self._control = self._zmq.socket(zmq.ROUTER)
        self._control_address = _bind(self._control)
        self._process, self._node = str(uuid.uuid4()), str(uuid.uuid4())
        self._multicast = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._multicast.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(_HOST))
        self._multicast.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, 1)
        self._closing = threading.Event()
        self._announcer = threading.Thread(target=self._announce, name='ignition discovery', daemon=True)
        self._announcer.start()

    def new_subscribers(self) -> int:
        """How many have come since the last time; they know nothing of what was published before."""
        count = 0
        while self._socket.poll(0):
            count += self._socket.recv()[0]  # 1: subscribed, 0: left
        return count

    def publish(self, message) -> None:
        """Send a message to all who listen."""
        frames = (self._topic, self._address, message.SerializeToString(), self._message_type)
        self._socket.send_multipart([frame.encode() if isinstance(frame, str) else frame for frame in frames])

    def close(self) -> None:
        """Take the topic back."""
        self._closing.set()
        self._announcer.join()
        self._send_discovery(_Kind.BYE)
        self._multicast.close()
        self._control.close(linger=0)
        self._socket.close(linger=0)
        self._zmq.term()

    def _announce(self) -> None:
        publisher = self._publisher()
        while not self._closing.wait(_HEARTBEAT_S):
            self._send_discovery(_Kind.ADVERTISE, publisher)
            self._send_discovery(_Kind.HEARTBEAT)

    def _publisher(self):
        publisher = Publisher(
            topic=self._topic,
            address=self._address,
            process_uuid=self._process,
            node_uuid=self._node,
            scope=_SCOPE_ALL,
        )
        publisher.msg_pub.ctrl = self._control_address
        publisher.msg_pub.msg_type = self._message_type
        return publisher

    def _send_discovery(self, kind, publisher=None) -> None:
        message = Discovery(version=_DISCOVERY_VERSION, process_uuid=self._process, type=kind, pub=publisher)
        payload = message.SerializeToString()
        self._multicast.sendto(struct.pack('<H', len(payload)) + payload, _DISCOVERY_ADDRESS)


def _bind(listening: zmq.Socket) -> str:
    return f'tcp://{_HOST}:{listening.bind_to_random_port(f"tcp://{_HOST}")}'

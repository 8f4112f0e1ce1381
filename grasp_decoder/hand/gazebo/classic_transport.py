# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Gazebo Classic's own transport: publishes and subscribes to topics of one gzserver over TCP.

The master, a part of gzserver, tells subscribers where a topic is published, and they connect to its publishers. A
message on a connection is its length in bytes as eight hexadecimal digits, then the protobuf message. All messages to
and from the master are a Packet, and so is a subscriber's first message to a publisher. There is no thread:
`ClassicTransport.poll` takes what has come.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.hand.gazebo.messages import Packet, Publish, Publishers, Subscribe
from grasp_decoder.types.time import NS_PER_S

_HEADER_BYTES = 8
_READ_BYTES = 1 << 20
_HOST = '127.0.0.1'
_TIMEOUT_S = 10.0


class _Connection:
    """One TCP connection and the messages that came in over it."""

    def __init__(self, stream: socket.socket):
        stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.stream = stream
        self._received = bytearray()

    def send(self, payload: bytes) -> None:
        self.stream.sendall(b'%08X' % len(payload) + payload)

    def send_packet(self, kind: str, message) -> None:
        packet = Packet(type=kind, serialized_data=message.SerializeToString())
        packet.stamp.sec, packet.stamp.nsec = divmod(time.time_ns(), NS_PER_S)
        self.send(packet.SerializeToString())

    def receive(self) -> list[bytes] | None:
        """Whole messages that have come, or None when the other side has closed the connection."""
        try:
            data = self.stream.recv(_READ_BYTES)
        except ConnectionError:
            return None
        if not data:
            return None
        self._received += data
        messages = []
        while len(self._received) >= _HEADER_BYTES:
            end = _HEADER_BYTES + int(self._received[:_HEADER_BYTES], 16)
            if len(self._received) < end:
                break
            messages.append(bytes(self._received[_HEADER_BYTES:end]))
            del self._received[:end]
        return messages


class _Subscription(NamedTuple):
    message_class: Any
    on_message: Callable[[Any], None]


class ClassicTransport:
    """A client of one gzserver: publishes and subscribes to topics."""

    def __init__(self, master_port: int):
        """Connect to the master. Raises `OSError` while none listens on this port of this machine."""
        self._selector = selectors.DefaultSelector()
        self._server = socket.create_server((_HOST, 0))
        self._streams = {self._server}
        self._server.settimeout(_TIMEOUT_S)
        self._port = self._server.getsockname()[1]
        self._subscriptions: dict[str, _Subscription] = {}
        self._subscribers: dict[str, list[_Connection]] = {}
        self._publishers: dict[str, set[tuple[str, int]]] = {}
        self._connected: set[tuple[str, int, str]] = set()
        self._selector.register(self._server, selectors.EVENT_READ, self._accept)
        self._master = self._connect(_HOST, master_port, self._on_master)

    def is_published(self, topic: str) -> bool:
        """Whether the master knows a publisher of this topic."""
        return topic in self._publishers

    def advertise(self, topic: str, message_class: Any) -> None:
        """Offer a topic; it can be published on once `has_subscriber` says so."""
        self._subscribers[topic] = []
        kind = message_class.DESCRIPTOR.full_name
        self._master.send_packet('advertise', Publish(topic=topic, msg_type=kind, host=_HOST, port=self._port))

    def has_subscriber(self, topic: str) -> bool:
        """Whether an advertised topic has a subscriber."""
        return bool(self._subscribers[topic])

    def publish(self, topic: str, message) -> None:
        """Send a message to all subscribers of an advertised topic."""
        payload = message.SerializeToString()
        for subscriber in self._subscribers[topic]:
            subscriber.send(payload)

    def subscribe(self, topic: str, message_class: Any, on_message: Callable[[Any], None]) -> None:
        """Have `poll` call ``on_message`` with each message."""
        self._subscriptions[topic] = _Subscription(message_class, on_message)
        self._master.send_packet('subscribe', self._subscribe_message(topic))
        self._connect_to_publishers(topic)

    def poll(self, timeout_s: float) -> None:
        """Wait for messages, at most this long, and take all that have come."""
        for key, _ in self._selector.select(timeout_s):
            key.data()

    def close(self) -> None:
        """Close every connection."""
        for stream in self._streams:
            stream.close()
        self._selector.close()

    def _subscribe_message(self, topic: str):
        kind = self._subscriptions[topic].message_class.DESCRIPTOR.full_name
        return Subscribe(topic=topic, msg_type=kind, host=_HOST, port=self._port)

    def _connect(self, host: str, port: int, on_payload: Callable[[bytes], None]) -> _Connection:
        return self._register(socket.create_connection((host, port), _TIMEOUT_S), on_payload)

    def _register(self, stream: socket.socket, on_payload: Callable[[bytes], None]) -> _Connection:
        connection = _Connection(stream)
        self._streams.add(stream)

        def receive():
            payloads = connection.receive()
            if payloads is None:
                self._drop(connection)
            for payload in payloads or ():
                on_payload(payload)

        self._selector.register(stream, selectors.EVENT_READ, receive)
        return connection

    def _drop(self, connection: _Connection) -> None:
        if connection is self._master:
            raise GraspDecoderError('gzserver closed the connection: it has ended; its log says why')
        for subscribers in self._subscribers.values():
            with contextlib.suppress(ValueError):
                subscribers.remove(connection)
        self._streams.remove(connection.stream)
        self._selector.unregister(connection.stream)
        connection.stream.close()

    def _accept(self) -> None:
        stream, _ = self._server.accept()
        subscriber = self._register(stream, lambda payload: self._on_subscriber(subscriber, payload))

    def _on_subscriber(self, subscriber: _Connection, payload: bytes) -> None:
        packet = Packet.FromString(payload)
        if packet.type == 'sub':
            topic = Subscribe.FromString(packet.serialized_data).topic
            self._subscribers.setdefault(topic, []).append(subscriber)

    def _on_master(self, payload: bytes) -> None:
        packet = Packet.FromString(payload)
        if packet.type == 'publishers_init':
            for publisher in Publishers.FromString(packet.serialized_data).publisher:
                self._on_publisher(publisher)
        elif packet.type in ('publisher_add', 'publisher_subscribe', 'publisher_advertise'):
            self._on_publisher(Publish.FromString(packet.serialized_data))

    def _on_publisher(self, publisher) -> None:
        self._publishers.setdefault(publisher.topic, set()).add((publisher.host, publisher.port))
        self._connect_to_publishers(publisher.topic)

    def _connect_to_publishers(self, topic: str) -> None:
        if topic not in self._subscriptions:
            return
        for host, port in self._publishers.get(topic, ()):
            if (host, port, topic) not in self._connected:
                self._connected.add((host, port, topic))
                publisher = self._connect(host, port, lambda payload: self._on_message(topic, payload))
                publisher.send_packet('sub', self._subscribe_message(topic))

    def _on_message(self, topic: str, payload: bytes) -> None:
        subscription = self._subscriptions[topic]
        subscription.on_message(subscription.message_class.FromString(payload))

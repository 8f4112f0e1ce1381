"""Gazebo Classic's own transport: topics over TCP, introduced to each other by the master.

A message is eight hexadecimal digits of length and a protobuf message. What goes to and comes from the master, and the
first message to a publisher, is a Packet. Nothing here runs in a thread: `ClassicTransport.poll` does what is waiting.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import time
from collections.abc import Callable

from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.hand.gazebo.messages import Packet, Publish, Publishers, Subscribe

_HEADER_LENGTH = 8
_HOST = '127.0.0.1'
_PATIENCE_S = 10.0


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
        packet.stamp.sec, packet.stamp.nsec = divmod(time.time_ns(), 1_000_000_000)
        self.send(packet.SerializeToString())

    def receive(self) -> list[bytes] | None:
        """Whole messages that have come, or None when the other side is gone."""
        try:
            data = self.stream.recv(1 << 20)
        except ConnectionError:
            return None
        if not data:
            return None
        self._received += data
        messages = []
        while len(self._received) >= _HEADER_LENGTH:
            end = _HEADER_LENGTH + int(self._received[:_HEADER_LENGTH], 16)
            if len(self._received) < end:
                break
            messages.append(bytes(self._received[_HEADER_LENGTH:end]))
            del self._received[:end]
        return messages


class ClassicTransport:
    """A client of one gzserver: publishes and subscribes to topics."""

    def __init__(self, master_port: int):
        """Connect to the master; raises `OSError` while none listens on this port of this machine."""
        self._selector = selectors.DefaultSelector()
        self._server = socket.create_server((_HOST, 0))
        self._server.settimeout(_PATIENCE_S)
        self._port = self._server.getsockname()[1]
        self._listeners: dict[str, Callable[[bytes], None]] = {}
        self._message_types: dict[str, str] = {}
        self._readers: dict[str, list[_Connection]] = {}
        self._publishers: dict[str, set[tuple[str, int]]] = {}
        self._connected: set[tuple[str, int, str]] = set()
        self._selector.register(self._server, selectors.EVENT_READ, self._accept)
        self._master = self._open(_HOST, master_port, self._on_master)

    def is_published(self, topic: str) -> bool:
        """Whether the master knows a publisher of this topic."""
        return topic in self._publishers

    def advertise(self, topic: str, message_type: str) -> None:
        """Offer a topic; it can be published on once `has_subscriber` says so."""
        self._readers[topic] = []
        self._master.send_packet('advertise', Publish(topic=topic, msg_type=message_type, host=_HOST, port=self._port))

    def has_subscriber(self, topic: str) -> bool:
        """Whether anyone listens to an advertised topic."""
        return bool(self._readers[topic])

    def publish(self, topic: str, message) -> None:
        """Send a message to all who listen."""
        payload = message.SerializeToString()
        for connection in self._readers[topic]:
            connection.send(payload)

    def subscribe(self, topic: str, message_type: str, on_message: Callable[[bytes], None]) -> None:
        """Have ``on_message`` called by `poll` with each serialised message."""
        self._listeners[topic] = on_message
        self._message_types[topic] = message_type
        self._master.send_packet('subscribe', self._subscription(topic))
        self._listen(topic)

    def poll(self, timeout_s: float) -> None:
        """Wait for input, at most so long, and take it."""
        for key, _ in self._selector.select(timeout_s):
            key.data()

    def close(self) -> None:
        """Close every connection."""
        for key in list(self._selector.get_map().values()):
            key.fileobj.close()
        self._selector.close()

    def _subscription(self, topic: str):
        return Subscribe(topic=topic, msg_type=self._message_types[topic], host=_HOST, port=self._port)

    def _open(self, host: str, port: int, on_message: Callable[[bytes], None]) -> _Connection:
        return self._watch(socket.create_connection((host, port), _PATIENCE_S), on_message)

    def _watch(self, stream: socket.socket, on_message: Callable[[bytes], None]) -> _Connection:
        connection = _Connection(stream)

        def receive():
            messages = connection.receive()
            if messages is None:
                self._forget(connection)
            for message in messages or ():
                on_message(message)

        self._selector.register(stream, selectors.EVENT_READ, receive)
        return connection

    def _forget(self, connection: _Connection) -> None:
        if connection is self._master:
            raise GraspDecoderError('gzserver closed the connection: it has ended; its log says why')
        for connections in self._readers.values():
            with contextlib.suppress(ValueError):
                connections.remove(connection)
        self._selector.unregister(connection.stream)
        connection.stream.close()

    def _accept(self) -> None:
        stream, _ = self._server.accept()
        reader = self._watch(stream, lambda payload: self._on_reader(reader, payload))

    def _on_reader(self, reader: _Connection, payload: bytes) -> None:
        packet = Packet.FromString(payload)
        if packet.type == 'sub':
            self._readers.setdefault(Subscribe.FromString(packet.serialized_data).topic, []).append(reader)

    def _on_master(self, payload: bytes) -> None:
        packet = Packet.FromString(payload)
        if packet.type == 'publishers_init':
            for publisher in Publishers.FromString(packet.serialized_data).publisher:
                self._meet(publisher)
        elif packet.type in ('publisher_add', 'publisher_subscribe', 'publisher_advertise'):
            self._meet(Publish.FromString(packet.serialized_data))

    def _meet(self, publisher) -> None:
        self._publishers.setdefault(publisher.topic, set()).add((publisher.host, publisher.port))
        self._listen(publisher.topic)

    def _listen(self, topic: str) -> None:
        if topic not in self._listeners:
            return
        for host, port in self._publishers.get(topic, ()):
            if (host, port, topic) not in self._connected:
                self._connected.add((host, port, topic))
                self._open(host, port, self._listeners[topic]).send_packet('sub', self._subscription(topic))

# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Calls one service of Ignition Transport 8, which goes over ZeroMQ; its address is heard by multicast."""

from __future__ import annotations

import socket
import struct
import uuid
from typing import Any

import zmq
from google.protobuf.message import DecodeError

from grasp_decoder.hand.gazebo.ignition_publisher import DISCOVERY_GROUP, HOST, DiscoveryType, bind
from grasp_decoder.hand.gazebo.messages import Discovery

_SERVICES_PORT = 10318
_LONGEST = 65536  # bytes, of one datagram


class IgnitionCaller:
    """Calls one service of a process on this machine, a call at a time."""

    def __init__(self, partition: str, service: str, request_class: Any, response_class: Any):
        """Listen where services are advertised, about once a second."""
        self._service = f'@/{partition}@{service}'
        self._request_type = request_class.DESCRIPTOR.full_name
        self._response_class = response_class
        self._response_type = response_class.DESCRIPTOR.full_name
        self._zmq = zmq.Context()
        self._requests = self._zmq.socket(zmq.DEALER)
        self._responses = self._zmq.socket(zmq.ROUTER)
        self._id = str(uuid.uuid4())
        self._responses.setsockopt(zmq.IDENTITY, self._id.encode())
        self._address = bind(self._responses)
        self._calls = 0
        self._is_found = False
        self._multicast = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._multicast.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._multicast.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        self._multicast.bind((DISCOVERY_GROUP, _SERVICES_PORT))
        membership = socket.inet_aton(DISCOVERY_GROUP) + socket.inet_aton(HOST)
        self._multicast.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, membership)
        self._multicast.setblocking(False)

    def is_found(self) -> bool:
        """Whether the service was heard of by now; only then may it be called."""
        while not self._is_found:
            try:
                datagram, (sender, _port) = self._multicast.recvfrom(_LONGEST)
                (length,) = struct.unpack_from('<H', datagram)
                heard = Discovery.FromString(datagram[2 : 2 + length])
            except BlockingIOError:
                break
            except (struct.error, DecodeError):  # somebody else's
                continue
            if sender != HOST:
                continue
            if heard.type == DiscoveryType.ADVERTISE and heard.pub.topic == self._service:
                self._requests.connect(heard.pub.address)
                self._is_found = True
        return self._is_found

    def call(self, request, timeout_s: float) -> Any:
        """Call the service and return its response; None when none comes in time."""
        self._calls += 1
        number = str(self._calls).encode()
        frames = self._service, self._address, self._id, self._id, number, request.SerializeToString()
        types = self._request_type, self._response_type
        self._requests.send_multipart([f if isinstance(f, bytes) else f.encode() for f in (*frames, *types)])
        while self._responses.poll(round(timeout_s * 1000)):
            *_, answered, response, _result = self._responses.recv_multipart()
            if answered == number:
                return self._response_class.FromString(response)
        return None

    def close(self) -> None:
        """Forget the service."""
        self._multicast.close()
        self._requests.close(linger=0)
        self._responses.close(linger=0)
        self._zmq.term()

# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Publishers, subscriptions, services and clients, as `grasp_decoder.system.interfaces` declares them."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

from rclpy.client import Client
from rclpy.duration import Duration
from rclpy.node import Node
from rclpy.publisher import Publisher
from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy
from rclpy.service import Service as RosService
from rclpy.subscription import Subscription

from grasp_decoder.system.interfaces import Service, Topic

DEEP = 100_000
"""Depth of a queue that holds minutes of messages: its reader must miss nothing, and nobody waits for it."""


def advertise(node: Node, topic: Topic, depth: int | None = None) -> Publisher:
    """A publisher of ``topic``, with another ``depth`` than declared if one is given."""
    profile = _profile(topic, depth)
    if topic.deadline_s:
        profile.deadline = Duration(seconds=topic.deadline_s)
    return node.create_publisher(interface_type(topic.type), topic.name, profile)


def subscribe(
    node: Node, topic: Topic, callback: Callable[[Any], None], depth: int | None = None, **options: Any
) -> Subscription:
    """A subscription to ``topic``; ``options`` are those of `Node.create_subscription`."""
    profile = _profile(topic, depth)
    return node.create_subscription(interface_type(topic.type), topic.name, callback, profile, **options)


def serve(node: Node, service: Service, callback: Callable[[Any, Any], Any], **options: Any) -> RosService:
    """A server of ``service``, in the namespace of ``node``; ``options`` are those of `Node.create_service`."""
    return node.create_service(interface_type(service.type), service.name, callback, **options)


def client(node: Node, service: Service) -> Client:
    """A client of ``service``."""
    return node.create_client(interface_type(service.type), service.called_name)


def full_name(node: Node, topic: Topic) -> str:
    """The name of ``topic`` for ``node``: absolute, in the namespace of the node, and remapped."""
    return node.resolve_topic_name(topic.name)


def count_publishers(node: Node, topic: Topic) -> int:
    """How many publish ``topic`` in the whole system. That of rclpy knows nothing of remapped names."""
    return node.count_publishers(full_name(node, topic))


def count_subscribers(node: Node, topic: Topic) -> int:
    """How many subscribe to ``topic`` in the whole system. That of rclpy knows nothing of remapped names."""
    return node.count_subscribers(full_name(node, topic))


def node_name(namespace: str, name: str) -> str:
    """The fully qualified name of a node."""
    return f'{namespace.rstrip("/")}/{name}'


def interface_type(name: str) -> type:
    """The class of a message, service or action, such as ``grasp_decoder/msg/SpikeBatch``.

    Raises:
        ImportError: its package is not installed.
    """
    package, kind, interface = name.split('/')
    return getattr(import_module(f'{package}.{kind}'), interface)


def _profile(topic: Topic, depth: int | None) -> QoSProfile:
    return QoSProfile(
        history=HistoryPolicy.KEEP_LAST,
        depth=depth or topic.depth,
        reliability=ReliabilityPolicy.RELIABLE if topic.reliable else ReliabilityPolicy.BEST_EFFORT,
        durability=DurabilityPolicy.TRANSIENT_LOCAL if topic.transient_local else DurabilityPolicy.VOLATILE,
    )

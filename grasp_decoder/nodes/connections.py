# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Whom a node cannot hear, and who cannot hear it: missing publishers, and quality of service that does not fit."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from rclpy.node import Node
from rclpy.qos import QoSCompatibility, QoSProfile, qos_check_compatible
from rclpy.topic_endpoint_info import TopicEndpointInfo

from grasp_decoder.nodes.topics import full_name, node_name
from grasp_decoder.system.interfaces import Topic


class Connections:
    """Compares what ``node`` publishes and subscribes to with what the others on its topics offer and ask for."""

    def __init__(self, node: Node, needs: Collection[Topic]):
        """``needs``: topics without which the node has nothing to do."""
        self._node = node
        self._needs = [full_name(node, topic) for topic in needs]

    def missing(self) -> list[str]:
        """What nobody publishes although the node needs it, a line each."""
        return [f'nobody publishes {name}' for name in self._needs if not self._node.get_publishers_info_by_topic(name)]

    def unfit(self) -> Iterator[str]:
        """Where the quality of service of two ends does not fit, a line each."""
        for name in sorted({each.topic_name for each in self._node.subscriptions}):
            own, _ = self._by_owner(self._node.get_subscriptions_info_by_topic(name))
            for other in self._by_owner(self._node.get_publishers_info_by_topic(name))[1]:
                # Of several subscriptions to one topic, one that hears a publisher is enough.
                if problem := _problem([(other.qos_profile, each.qos_profile) for each in own]):
                    yield f'{name} of {_full_name(other)} is not heard: {problem}'
        for name in sorted({each.topic_name for each in self._node.publishers}):
            own, _ = self._by_owner(self._node.get_publishers_info_by_topic(name))
            for other in self._by_owner(self._node.get_subscriptions_info_by_topic(name))[1]:
                if problem := _problem([(each.qos_profile, other.qos_profile) for each in own]):
                    yield f'{_full_name(other)} does not hear {name}: {problem}'

    def _by_owner(
        self, endpoints: Sequence[TopicEndpointInfo]
    ) -> tuple[list[TopicEndpointInfo], list[TopicEndpointInfo]]:
        """Those of this node, and those of others."""
        me = self._node.get_fully_qualified_name()
        own = [each for each in endpoints if _full_name(each) == me]
        return own, [each for each in endpoints if _full_name(each) != me]


def _problem(pairs: Sequence[tuple[QoSProfile, QoSProfile]]) -> str:
    """Why no pair of a publisher's and a subscription's profile fits; '' when one does, or there is none yet."""
    answers = [qos_check_compatible(published, asked) for published, asked in pairs]
    if not answers or any(compatibility != QoSCompatibility.ERROR for compatibility, _ in answers):
        return ''
    return answers[0][1].removeprefix('ERROR: ').rstrip(';').lower()


def _full_name(endpoint: TopicEndpointInfo) -> str:
    return node_name(endpoint.node_namespace, endpoint.node_name)

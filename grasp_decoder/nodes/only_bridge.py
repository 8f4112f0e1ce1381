# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Whether another hand_bridge commands the hand already."""

from __future__ import annotations

from rclpy.node import Node

from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.nodes.entities import Entities
from grasp_decoder.nodes.receiver import Receiver
from grasp_decoder.system.interfaces import JOINT_TARGETS
from grasp_decoder.types.time import NS_PER_S

LISTENS_S = 0.5
"""Within this time a new node hears those that run, unless the machine is very busy."""


def require_no_other_bridge(node: Node) -> None:
    """Listen before the first word: a bridge sends joint targets 50 times a second.

    Two bridges that begin at once hear each other only later, and are then both SAFE.

    Raises:
        GraspDecoderError: another one sends joint targets.
    """
    before = Entities(node)
    heard = any(True for _ in Receiver(node, JOINT_TARGETS, depth=1).receive(round(LISTENS_S * NS_PER_S)))
    before.destroy_later_ones()
    if heard:
        raise GraspDecoderError(
            f'{node.resolve_topic_name(JOINT_TARGETS.name)}: another hand_bridge commands the hand, stop it first'
        )

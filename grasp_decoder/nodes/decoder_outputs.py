# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""What a configured decoder publishes: its decodes, its bundle, and its diagnostics."""

from __future__ import annotations

import time
from collections.abc import Iterable

from rclpy.node import Node

from grasp_decoder.decoding.live_decoder import LiveDecoder
from grasp_decoder.nodes.audit import Audit
from grasp_decoder.nodes.conversion import decoded_grasp_message, decoder_info_message
from grasp_decoder.nodes.decoder_diagnostics import DecoderDiagnostics
from grasp_decoder.nodes.topics import advertise
from grasp_decoder.system.interfaces import DECODED_GRASP, DECODER_INFO
from grasp_decoder.types.decoded_grasp import DecodedGrasp
from grasp_decoder.types.time import NS_PER_S


class DecoderOutputs:
    """The publishers that ``node`` has for one `LiveDecoder`."""

    def __init__(self, node: Node, decoder: LiveDecoder, audit: Audit):
        """Publish at once which bundle decodes."""
        self._node = node
        self._decoder = decoder
        self._decodes = advertise(node, DECODED_GRASP)
        self._info = advertise(node, DECODER_INFO)
        self._diagnostics = DecoderDiagnostics(node, decoder, audit, self._renew_info)
        self.publish_info()

    def publish(self, decodes: Iterable[DecodedGrasp], session_name: str) -> None:
        for decode in decodes:
            ready_ns = time.monotonic_ns()
            self._decodes.publish(decoded_grasp_message(decode, session_name))
            self._decoder.published(decode, (time.monotonic_ns() - ready_ns) / NS_PER_S)

    def publish_info(self) -> None:
        now_ns = self._node.get_clock().now().nanoseconds
        self._told = self._decoder.decoder.engines.backends, now_ns > 0
        self._info.publish(decoder_info_message(self._decoder.info(now_ns)))

    def _renew_info(self) -> None:
        """Publish it again when another back end has taken over, and when nothing had come on /clock before."""
        if self._told != (self._decoder.decoder.engines.backends, True):
            self.publish_info()

# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""The service of the decoder that exchanges its bundle, and the lines that bundles leave in the audit log."""

from __future__ import annotations

from collections.abc import Callable

from rclpy.node import Node

from grasp_decoder.decoding.live_decoder import LiveDecoder
from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.nodes.audit import Audit
from grasp_decoder.nodes.topics import serve
from grasp_decoder.srv import LoadBundle
from grasp_decoder.system.interfaces import CHANGE_STATE, LOAD_BUNDLE


class BundleExchange:
    """Passes what is asked of ``node`` on to a `LiveDecoder`."""

    def __init__(self, node: Node, audit: Audit, decoder: Callable[[], LiveDecoder | None], exchanged: Callable):
        """``decoder`` gives the decoder of a configured node, else None; ``exchanged`` is called after an exchange."""
        self._node = node
        self._audit = audit
        self._decoder = decoder
        self._exchanged = exchanged
        serve(node, LOAD_BUNDLE, self._load_bundle)

    def configured(self, bundle: str, refusal: str = '') -> None:
        """The node was configured with this bundle, or was not."""
        self._add('load bundle', CHANGE_STATE, bundle, refusal)

    def _load_bundle(self, request: LoadBundle.Request, response: LoadBundle.Response) -> LoadBundle.Response:
        try:
            decoder = self._decoder()
            if decoder is None:
                raise GraspDecoderError('the decoder is not configured: set its parameter bundle and configure it')
            decoder.load_bundle(request.bundle)
        except Exception as error:  # whatever is wrong with it, the running bundle goes on
            self._node.get_logger().error(f'bundle not exchanged: {error}')
            self._add('exchange bundle', LOAD_BUNDLE, request.bundle, str(error))
            response.message = str(error)
            return response
        self._exchanged()
        response.success, response.message = True, f'decoding with {decoder.decoder.bundle.id}'
        self._node.get_logger().info(response.message)
        self._add('exchange bundle', LOAD_BUNDLE, request.bundle)
        return response

    def _add(self, what: str, service, path: str, refusal: str = '') -> None:
        known = {'bundle': path}
        if not refusal:
            bundle = self._decoder().decoder.bundle
            known |= {'sha256': bundle.sha256, 'signer': bundle.signer}
        self._audit.requested(what, service, f'refused: {refusal}' if refusal else 'done', **known)

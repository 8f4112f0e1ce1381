# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""decoder: /spikes in, /decoded_grasp out. A lifecycle node.

configure opens the bundle, activate subscribes to spikes and decodes, deactivate goes silent. With ``autostart`` the
node configures and activates itself. The service ``~/load_bundle`` exchanges the bundle between two bins.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from grasp_decoder import msg
from grasp_decoder.bundle.admission import admission
from grasp_decoder.bundle.engines.bundle_engines import EngineOptions
from grasp_decoder.decoding.live_decoder import LiveDecoder
from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.nodes.audit import Audit
from grasp_decoder.nodes.bundle_exchange import BundleExchange
from grasp_decoder.nodes.conversion import decoded_grasp_message
from grasp_decoder.nodes.decoder_outputs import DecoderOutputs
from grasp_decoder.nodes.life import run_node
from grasp_decoder.nodes.managed_node import ManagedNode
from grasp_decoder.nodes.parameters import declare
from grasp_decoder.nodes.receiver import Receiver
from grasp_decoder.system.interfaces import SPIKES
from grasp_decoder.system.node_settings import AdmissionSettings, DecoderSettings
from grasp_decoder.types.from_message import spike_batch_from
from grasp_decoder.types.setting import Settings

POLL_NS = 50_000_000


class Decoder(ManagedNode):
    """Wires a `LiveDecoder` to topics.

    The main thread receives, decodes and publishes (`work`). The service and diagnostics run in the thread beside it.
    """

    def __init__(self):
        self._decoder: LiveDecoder | None = None
        super().__init__('decoder', DecoderSettings)
        self._admission = declare(self, AdmissionSettings)
        self._audit = Audit(self)
        self._exchange = BundleExchange(self, self._audit, lambda: self._decoder, lambda: self._outputs.publish_info())

    def configure(self) -> None:
        bundle = self.settings_of(DecoderSettings).bundle
        try:
            self._decoder = self._open(bundle)
        except GraspDecoderError as error:
            self._exchange.configured(bundle, str(error))
            raise
        self._outputs = DecoderOutputs(self, self._decoder, self._audit)
        self._exchange.configured(bundle)

    def _open(self, bundle: str) -> LiveDecoder:
        settings = self.settings_of(DecoderSettings)
        if not bundle:
            raise GraspDecoderError('decoder: parameter bundle is empty: give the folder that train has written')
        options = EngineOptions(settings.precision, settings.backend, settings.device or None, settings.threads)
        rules = admission(self._admission.trusted_keys, self._admission.bundle_folders)
        return LiveDecoder(bundle, options, settings.reorder_depth, settings.rehearse, rules, settings.track_drift)

    def activate(self) -> None:
        self._decoder.reset()
        self._receiver = Receiver(self, SPIKES, warm_up=self._warm_up)

    def work(self) -> None:
        for message in self._receiver.receive(POLL_NS):
            self._decode(message)

    def clean_up(self) -> None:
        self._decoder = None

    def change(self, settings: Settings) -> None:
        if self._decoder is not None and isinstance(settings, DecoderSettings):
            self._decoder.change(settings.reorder_depth, settings.rehearse, settings.track_drift)

    # --- main thread

    def _warm_up(self, has_come: Callable[[], bool]) -> None:
        if (made_up := self._decoder.warm_up(has_come)) is not None:
            decoded_grasp_message(made_up, '')

    def _decode(self, message: msg.SpikeBatch) -> None:
        received_ns = time.monotonic_ns()
        decodes = self._decoder.push(spike_batch_from(message), received_ns)
        self._outputs.publish(decodes, message.session)
        if decodes:
            self._receiver.expect(self._decoder.next_bin_ns)

    # --- thread beside it


def main(args=None) -> int:
    return run_node(Decoder, args)

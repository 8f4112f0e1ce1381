"""decoder: /spikes in, /decoded_grasp out. A lifecycle node.

configure opens the bundle, activate subscribes and publishes, deactivate goes silent. With ``autostart`` the node
configures and activates itself. The service ``~/load_bundle`` exchanges the bundle between two bins.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn

from grasp_decoder import msg
from grasp_decoder.bundle.admission import admission
from grasp_decoder.bundle.engines.bundle_engines import EngineOptions
from grasp_decoder.decoding.live_decoder import LiveDecoder
from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.nodes.audit import Audit
from grasp_decoder.nodes.bundle_exchange import BundleExchange
from grasp_decoder.nodes.conversion import decoded_grasp_message, spike_batch_from
from grasp_decoder.nodes.decoder_outputs import DecoderOutputs
from grasp_decoder.nodes.life import goes_on, run_node
from grasp_decoder.nodes.parameters import declare
from grasp_decoder.nodes.real_time import RealTime
from grasp_decoder.nodes.receiver import Receiver
from grasp_decoder.nodes.spin import spin
from grasp_decoder.system.interfaces import SPIKES
from grasp_decoder.system.node_settings import DecoderSettings, RealTimeSettings

POLL_NS = 50_000_000


class Decoder(LifecycleNode):
    """Wires a `LiveDecoder` to topics.

    The main thread receives, decodes and publishes (`_work`). Transitions, the service and diagnostics run in the
    thread beside it (`spin`).
    """

    def __init__(self):
        super().__init__('decoder')
        self._decoder: LiveDecoder | None = None
        self._settings = declare(self, DecoderSettings, self._change, lambda: self._decoder is not None)
        self._real_time = RealTime(self, declare(self, RealTimeSettings))
        self._active = False
        self._receiver: Receiver | None = None
        self._failure: GraspDecoderError | None = None
        self._audit = Audit(self)
        self._exchange = BundleExchange(self, self._audit, lambda: self._decoder, lambda: self._outputs.publish_info())

    def run(self) -> None:
        """Decode until ROS shuts down.

        Raises:
            GraspDecoderError: autostart cannot configure.
        """
        self._real_time.apply()
        if self._settings.autostart:
            self.trigger_configure()
            if self._failure:
                raise self._failure
            self.trigger_activate()
        spin(self, self._work, beside=self._real_time.step_back)

    # --- transitions

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        self._failure = None
        settings = self._settings
        try:
            if not settings.bundle:
                raise GraspDecoderError('decoder: parameter bundle is empty: give the folder that train has written')
            options = EngineOptions(settings.precision, settings.backend, settings.device or None, settings.threads)
            rules = admission(settings.trusted_keys, settings.bundle_folders)
            self._decoder = LiveDecoder(
                settings.bundle, options, settings.reorder_depth, settings.rehearse, rules, settings.track_drift
            )
        except GraspDecoderError as error:
            self._failure = error
            self.get_logger().error(str(error))
            self._exchange.configured(settings.bundle, str(error))
            return TransitionCallbackReturn.FAILURE
        self._outputs = DecoderOutputs(self, self._decoder, self._audit)
        self._exchange.configured(settings.bundle)
        return TransitionCallbackReturn.SUCCESS

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        self._active = True
        return TransitionCallbackReturn.SUCCESS

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        self._active = False
        # The main thread unsubscribes from /spikes by itself, within one wait. Then nothing is decoded any more.
        while self._receiver is not None and goes_on(self):
            time.sleep(0.005)
        return TransitionCallbackReturn.SUCCESS

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        self._outputs.destroy()
        self._decoder = None
        return TransitionCallbackReturn.SUCCESS

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        self._active = False
        return TransitionCallbackReturn.SUCCESS

    # --- main thread

    def _work(self) -> bool:
        if self._active and self._receiver is None:
            self._decoder.reset()
            self._receiver = Receiver(self, SPIKES, warm_up=self._warm_up)
        elif self._receiver is not None and not self._active:
            receiver, self._receiver = self._receiver, None
            receiver.destroy()
        if self._receiver is None:
            time.sleep(0.01)
            return True
        for message in self._receiver.receive(POLL_NS):
            self._decode(message)
        return True

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

    def _change(self, settings: DecoderSettings) -> None:
        self._settings = settings
        if self._decoder is not None:
            self._decoder.change(settings.reorder_depth, settings.rehearse, settings.track_drift)


def main(args=None) -> int:
    return run_node(Decoder, args)

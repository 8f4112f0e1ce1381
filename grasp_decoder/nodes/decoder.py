"""decoder: /spikes in, /decoded_grasp out. A lifecycle node.

configure loads, verifies and warms the bundle; activate subscribes and publishes; deactivate goes silent. With
``autostart`` it does both by itself. The service ``~/load_bundle`` exchanges the bundle between two bins.
"""

from __future__ import annotations

import threading
import time

from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn

from grasp_decoder import msg
from grasp_decoder.bundle.bundle import Bundle, load_bundle
from grasp_decoder.bundle.engines.bundle_engines import BundleEngines, EngineOptions
from grasp_decoder.bundle.task_network import PHASE
from grasp_decoder.decoding.info import decoder_info
from grasp_decoder.decoding.stage_times import StageTimes
from grasp_decoder.decoding.streaming import StreamingDecoder
from grasp_decoder.decoding.warm_up import WarmUpDecoder, warm_up_decoder
from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.nodes.conversion import decoded_grasp_message, decoder_info_message, spike_batch_from
from grasp_decoder.nodes.decoder_diagnostics import DecoderDiagnostics
from grasp_decoder.nodes.parameters import declare
from grasp_decoder.nodes.receiver import Receiver
from grasp_decoder.nodes.spin import prefer_real_time, run_node, spin
from grasp_decoder.nodes.topics import advertise, serve
from grasp_decoder.srv import LoadBundle
from grasp_decoder.system.interfaces import DECODED_GRASP, DECODER_INFO, LOAD_BUNDLE, SPIKES
from grasp_decoder.system.node_settings import DecoderSettings, RealTimeSettings
from grasp_decoder.types.time import NS_PER_S

POLL_NS = 50_000_000


class Decoder(LifecycleNode):
    """Wires a `StreamingDecoder` to topics.

    The main thread receives, decodes and publishes (`_work`); transitions, the service and diagnostics run in the
    thread beside it (`spin`). The lock guards the decoder against an exchange of bundles.
    """

    def __init__(self):
        super().__init__('decoder')
        self._settings = declare(self, DecoderSettings, self._change)
        self._real_time = declare(self, RealTimeSettings)
        self._decoder: StreamingDecoder | None = None
        self._lock = threading.Lock()
        self._active = False
        self._receiver: Receiver | None = None
        self._failure: GraspDecoderError | None = None
        serve(self, LOAD_BUNDLE, self._load_bundle)

    def run(self) -> None:
        """Decode until ROS shuts down.

        Raises:
            GraspDecoderError: autostart cannot configure.

        """
        for refused in prefer_real_time(self._real_time.priority, self._real_time.cpu):
            self.get_logger().warning(refused)
        if self._settings.autostart:
            self.trigger_configure()
            if self._failure:
                raise self._failure
            self.trigger_activate()
        spin(self, self._work)

    # --- transitions

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        self._failure = None
        settings = self._settings
        try:
            if not settings.bundle:
                raise GraspDecoderError('decoder: parameter bundle is empty: give the folder that train has written')
            decoder = StreamingDecoder(self._open(settings.bundle), settings.reorder_depth)
        except GraspDecoderError as error:
            self._failure = error
            self.get_logger().error(str(error))
            return TransitionCallbackReturn.FAILURE
        self._decoder = decoder
        self._times = StageTimes(('receive', 'binning', 'inference', 'publish'))
        self._warm_up_decoder = self._new_warm_up_decoder()
        self._publisher = advertise(self, DECODED_GRASP)
        self._info_publisher = advertise(self, DECODER_INFO)
        self._diagnostics = DecoderDiagnostics(self, decoder, self._times, self._publish_info)
        self._publish_info()
        return TransitionCallbackReturn.SUCCESS

    def _open(self, path: str) -> BundleEngines:
        settings = self._settings
        options = EngineOptions(settings.precision, settings.backend, settings.device or None, settings.threads)
        return BundleEngines(_bundle_for_a_hand(path), options)

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        self._active = True
        return TransitionCallbackReturn.SUCCESS

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        self._active = False
        # The main thread lets go of /spikes by itself, within one wait; then nothing decodes any more.
        while self._receiver is not None and self.context.ok():
            time.sleep(0.005)
        return TransitionCallbackReturn.SUCCESS

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        self._diagnostics.destroy()
        self.destroy_publisher(self._publisher)
        self.destroy_publisher(self._info_publisher)
        with self._lock:
            self._decoder = None
        return TransitionCallbackReturn.SUCCESS

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        self._active = False
        return TransitionCallbackReturn.SUCCESS

    # --- main thread

    def _work(self) -> bool:
        if self._active != (self._receiver is not None):
            self._unsubscribe() if self._receiver else self._subscribe()
        if self._receiver is None:
            time.sleep(0.01)
            return True
        for message in self._receiver.receive(POLL_NS):
            self._decode(message)
        return True

    def _subscribe(self) -> None:
        self._decoder.reset()
        self._bin_came_ns = 0
        self._receiver = Receiver(self, SPIKES, warm_up=self._warm_up)

    def _new_warm_up_decoder(self) -> WarmUpDecoder | None:
        return warm_up_decoder(self._decoder) if self._settings.rehearse else None

    def _warm_up(self) -> None:
        decoder = self._warm_up_decoder  # the thread beside may take it away
        if decoder is not None:
            decoded_grasp_message(decoder.decode(), '')

    def _unsubscribe(self) -> None:
        receiver, self._receiver = self._receiver, None
        receiver.destroy()

    def _decode(self, message: msg.SpikeBatch) -> None:
        received_ns = time.monotonic_ns()
        with self._lock:
            decodes = self._decoder.push(spike_batch_from(message), received_ns)
        for decode in decodes:
            ready_ns = time.monotonic_ns()
            self._publisher.publish(decoded_grasp_message(decode, message.header.frame_id))
            publish_duration = (time.monotonic_ns() - ready_ns) / NS_PER_S
            self._times.add(
                self._decoder.bundle.manifest.bin_s,
                decode.receive_duration,
                decode.binning_duration,
                decode.inference_duration,
                publish_duration,
            )
        if decodes:
            # The next bin comes after as long as this one came after the last.
            self._receiver.expect(2 * received_ns - self._bin_came_ns)
            self._bin_came_ns = received_ns

    # --- thread beside it

    def _change(self, settings: DecoderSettings) -> None:
        self._settings = settings
        if self._decoder is not None:
            with self._lock:
                self._decoder.reorder_depth = settings.reorder_depth
            self._warm_up_decoder = self._new_warm_up_decoder()

    def _load_bundle(self, request: LoadBundle.Request, response: LoadBundle.Response) -> LoadBundle.Response:
        """Verify and warm the new bundle beside the running one, then exchange them between two bins."""
        try:
            if self._decoder is None:
                raise GraspDecoderError('the decoder is not configured: set its parameter bundle instead')
            successor = self._decoder.prepare(self._open(request.bundle))
            with self._lock:
                self._decoder.swap(successor)
            self._warm_up_decoder = self._new_warm_up_decoder()
        except GraspDecoderError as error:
            self.get_logger().error(f'bundle not exchanged: {error}')
            response.message = str(error)
            return response
        self._publish_info()
        response.success = True
        response.message = f'decoding with {self._decoder.bundle.id}'
        self.get_logger().info(response.message)
        return response

    def _publish_info(self) -> None:
        info = decoder_info(self._decoder, self.get_clock().now().nanoseconds)
        self._info_publisher.publish(decoder_info_message(info))


def _bundle_for_a_hand(path: str) -> Bundle:
    """`load_bundle`; one that cannot say when to grasp is refused."""
    bundle = load_bundle(path)
    if PHASE not in bundle.manifest.tasks:
        raise GraspDecoderError(f'bundle {path} has no phase network: train it with the task phase')
    return bundle


def main(args=None) -> int:
    return run_node(Decoder, args)


if __name__ == '__main__':
    raise SystemExit(main())

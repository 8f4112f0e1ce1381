# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""LiveDecoder: the decoder of a live stream; another thread may change it between two bins."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable

from grasp_decoder.bundle.admission import ANY_BUNDLE, Admission
from grasp_decoder.bundle.bundle import Bundle
from grasp_decoder.bundle.engines.bundle_engines import BundleEngines, EngineOptions
from grasp_decoder.bundle.task_network import PHASE
from grasp_decoder.decoding.info import decoder_info
from grasp_decoder.decoding.stage_times import StageTimes
from grasp_decoder.decoding.streaming import StreamingDecoder
from grasp_decoder.decoding.warm_up import WarmUpDecoder, never, warm_up_decoder
from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.types.decoded_grasp import DecodedGrasp
from grasp_decoder.types.decoder_info import DecoderInfo
from grasp_decoder.types.spike_batch import SpikeBatch


class LiveDecoder:
    """Decodes a live stream for a hand.

    One thread calls `reset`, `push`, `warm_up` and `published`. Another may call `change`, `load_bundle` and `info`
    at any time.

    Args:
        path: folder of the bundle.
        options: precision, back end, device and threads, of this bundle and of those that replace it.
        reorder_depth: batches that may overtake a missing one before it counts as lost.
        rehearse: whether `warm_up` decodes made-up bins.
        admission: which bundles are taken, now and later.
        track_drift: whether a slow shift of the latents is followed and taken back.

    Attributes:
        decoder: the decoder of the stream.
        times: how long each stage of the latest bins took.
        next_bin_ns: CLOCK_MONOTONIC at which the next bin is expected.

    Raises:
        GraspDecoderError: the bundle cannot be opened, or cannot say when to grasp.
    """

    def __init__(
        self,
        path: str,
        options: EngineOptions,
        reorder_depth: int = 2,
        rehearse: bool = True,
        admission: Admission = ANY_BUNDLE,
        track_drift: bool = False,
    ):
        self._options = options
        self._rehearse = rehearse
        self._lock = threading.Lock()
        bundle = admission.load(path)
        self._admission = admission.beside(bundle)
        self.decoder = StreamingDecoder(
            open_for_a_hand(bundle, options),
            reorder_depth,
            number=secrets.randbits(63) + 1,
            track_drift=track_drift,
        )
        self.times = StageTimes(('receive', 'binning', 'inference', 'publish'))
        self.next_bin_ns = 0
        self._bin_came_ns = 0
        self._warm_up_decoder = self._new_warm_up_decoder()

    def reset(self) -> None:
        """Forget the stream: a new one begins."""
        self.decoder.reset()
        self._bin_came_ns = 0

    def push(self, batch: SpikeBatch, received_ns: int) -> list[DecodedGrasp]:
        """Decode the bins that this batch completes. It came at CLOCK_MONOTONIC ``received_ns``."""
        with self._lock:
            decodes = self.decoder.push(batch, received_ns)
        if decodes:
            # The next bin comes after as long as this one came after the last.
            self.next_bin_ns = 2 * received_ns - self._bin_came_ns
            self._bin_came_ns = received_ns
        return decodes

    def warm_up(self, cut_short: Callable[[], bool] = never) -> DecodedGrasp | None:
        """Decode a made-up bin, which leaves no trace in the stream.

        Args:
            cut_short: asked before each network whether the real bin has come, which must not wait.

        Returns:
            None if made-up bins are not wanted, or if it was cut short.
        """
        decoder = self._warm_up_decoder  # the other thread may replace it
        return decoder.decode(cut_short) if decoder is not None else None

    def published(self, decode: DecodedGrasp, duration_s: float) -> None:
        """A decode was published, which took ``duration_s`` seconds."""
        self.times.add(
            self.decoder.bundle.manifest.bin_s,
            decode.receive_duration,
            decode.binning_duration,
            decode.inference_duration,
            duration_s,
        )

    def info(self, stamp_ns: int) -> DecoderInfo:
        """Which bundle decodes, and where it runs."""
        return decoder_info(self.decoder, stamp_ns)

    def change(self, reorder_depth: int, rehearse: bool, track_drift: bool) -> None:
        """Go on with other settings."""
        with self._lock:
            self.decoder.reorder_depth = reorder_depth
            self.decoder.track_drift(track_drift)
        self._rehearse = rehearse
        self._warm_up_decoder = self._new_warm_up_decoder()

    def load_bundle(self, path: str) -> None:
        """Verify and warm another bundle beside the running one, then exchange them between two bins.

        Raises:
            GraspDecoderError: the bundle cannot take over; the running one goes on.
        """
        successor = self.decoder.prepare(open_for_a_hand(self._admission.load(path), self._options))
        with self._lock:
            self.decoder.swap(successor)
        self._warm_up_decoder = self._new_warm_up_decoder()

    def _new_warm_up_decoder(self) -> WarmUpDecoder | None:
        return warm_up_decoder(self.decoder) if self._rehearse else None


def open_for_a_hand(bundle: Bundle, options: EngineOptions) -> BundleEngines:
    """Open a bundle.

    Raises:
        GraspDecoderError: it cannot be opened, or has no phase network and cannot say when to grasp.
    """
    if PHASE not in bundle.manifest.tasks:
        raise GraspDecoderError(f'bundle {bundle.path} has no phase network: train it with the task phase')
    return BundleEngines(bundle, options)

# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""StreamingDecoder: spike batches in, one decode per bin out.

The evaluation runs whole sessions through it, and the decoder node wires it to topics. So the hand gets the decodes
that were scored offline. Nothing here knows of ROS.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable

from grasp_decoder.bundle.bundle import Bundle
from grasp_decoder.bundle.engines.bundle_engines import BundleEngines
from grasp_decoder.decoding.bin_decoder import do_nothing
from grasp_decoder.decoding.checked_decoder import CheckedDecoder
from grasp_decoder.decoding.input_monitor import InputMonitor, InputState
from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.features.batch_order import StreamHealth
from grasp_decoder.features.binning import Bin, Binner
from grasp_decoder.types.decoded_grasp import DecodedGrasp
from grasp_decoder.types.spike_batch import SpikeBatch
from grasp_decoder.types.time import NS_PER_S

# A new bundle runs through the latest bins before it takes over: 10 s of them at 40 ms.
REMEMBERED_BINS = 250

BUNDLE_CHARACTERS = 12
"""Of the hash of its bundle, so many characters are in each decode."""


class Successor:
    """A bundle that is about to take over, and how far it has decoded the stream.

    Attributes:
        decoder: of the bundle.
        prepared_ns: end of the latest bin of the stream when it began, acquisition clock; 0 if there was none.
    """

    def __init__(self, decoder: CheckedDecoder, prepared_ns: int):
        self.decoder = decoder
        self.prepared_ns = prepared_ns
        self._seen = 0

    def catch_up(self, numbered_bins: Iterable[tuple[int, Bin]]) -> None:
        """Decode those of the bins that are new to it.

        Args:
            numbered_bins: bins of the stream in order, each with its number since the stream began.
        """
        for number, closed in numbered_bins:
            if number > self._seen:
                self.decoder.decode(closed)
                self._seen = number


class StreamingDecoder:
    """Decodes a stream of `SpikeBatch`.

    A bundle can be exchanged between two bins. `prepare` runs the new bundle through the latest bins
    (`REMEMBERED_BINS`); it may run in another thread while `push` decodes. `swap` lets the new bundle take over. Its
    decodes are then what they would be if it had decoded those bins itself.

    Args:
        engines: the opened bundle to decode with.
        reorder_depth: batches that may overtake a missing one before it counts as lost.
        number: of this decoder, which every decode carries; 0 says nothing.
        before_each: called before each network; what it raises ends the decode.
        track_drift: whether a slow shift of the latents is followed and taken back (`CheckedDecoder`).

    Attributes:
        prepared_ns: end of the latest bin when the bundle began to run beside the one before, acquisition clock; 0 if
            there was no other.
        took_over_ns: end of the last bin that the one before decoded. Who does the same to the same stream after these
            bins gets the same decodes.
    """

    def __init__(
        self,
        engines: BundleEngines,
        reorder_depth: int = 2,
        number: int = 0,
        before_each: Callable[[], None] = do_nothing,
        track_drift: bool = False,
    ):
        self._decoder = CheckedDecoder(engines, before_each, track_drift)
        self._track_drift = track_drift
        self._number = number
        self._reorder_depth = reorder_depth
        self._decoded = 0
        self.reset()

    @property
    def engines(self) -> BundleEngines:
        """The engines that decode now."""
        return self._decoder.engines

    @property
    def bundle(self) -> Bundle:
        """The bundle that decodes now."""
        return self.engines.bundle

    @property
    def health(self) -> StreamHealth:
        """Counts of what went through and of what was wrong with the stream."""
        return self._binner.health

    @property
    def reorder_depth(self) -> int:
        """Batches that may overtake a missing one before it counts as lost."""
        return self._reorder_depth

    @reorder_depth.setter
    def reorder_depth(self, depth: int) -> None:
        self._reorder_depth = self._binner.reorder_depth = depth

    @property
    def monitor(self) -> InputMonitor:
        """What compares the input with that of training."""
        return self._decoder.monitor

    @property
    def input_state(self) -> InputState:
        """What the input of the last bin was like."""
        return self._decoder.state

    @property
    def drift(self) -> float | None:
        """How far the latents have drifted, relative to their spread in training; None if that is not tracked."""
        return self._decoder.drift

    def track_drift(self, on: bool) -> None:
        """Track drift from the next bin on, or take nothing back any more. Must not be called while `push` runs."""
        if on != self._track_drift:
            self._track_drift = on
            self._decoder.track_drift(on)

    def reset(self) -> None:
        """Forget the stream: no batch seen, no bin remembered, no state."""
        manifest = self.bundle.manifest
        self._binner = Binner(manifest.bin_ns, manifest.unit_count, self._reorder_depth)
        self._decoder.reset()
        self._recent: deque[tuple[int, Bin]] = deque(maxlen=REMEMBERED_BINS)
        self.prepared_ns = self.took_over_ns = 0

    def push(self, batch: SpikeBatch, received_ns: int | None = None) -> list[DecodedGrasp]:
        """Decode the bins that are known to be complete once this batch has come.

        Args:
            batch: the next batch of the stream.
            received_ns: CLOCK_MONOTONIC at which the batch arrived, ns; now by default.
        """
        received_ns = received_ns or time.monotonic_ns()
        return self._decode_all(self._binner.push(batch), received_ns)

    def flush(self) -> list[DecodedGrasp]:
        """Decode what was held back for missing batches, since the stream has ended."""
        return self._decode_all(self._binner.flush(), time.monotonic_ns())

    def prepare(self, engines: BundleEngines) -> Successor:
        """Run another bundle through the latest bins.

        Raises:
            GraspDecoderError: it has another unit count or bin width than the running one, and cannot take over.
        """
        running, bundle = self.bundle, engines.bundle
        manifest = bundle.manifest
        bundle.require_unit_count(running.manifest.unit_count, 'the running stream')
        if manifest.bin_ns != running.manifest.bin_ns:
            raise GraspDecoderError(
                f'bundle {bundle.path} decodes bins of {manifest.bin_ns / 1e6:g} ms, but the running one decodes bins '
                f'of {running.manifest.bin_ns / 1e6:g} ms: restart the decoder with the new bundle'
            )
        recent = self._recent.copy()
        successor = Successor(CheckedDecoder(engines, track_drift=self._track_drift), _end_ns(recent))
        successor.catch_up(recent)
        successor.catch_up(self._recent.copy())  # this is short: it takes the bins that came meanwhile
        return successor

    def swap(self, successor: Successor) -> None:
        """Let a prepared bundle decode from the next bin on. Must not be called while `push` runs."""
        successor.catch_up(self._recent)
        self._decoder = successor.decoder
        self.prepared_ns, self.took_over_ns = successor.prepared_ns, _end_ns(self._recent)

    def _decode_all(self, bins: list[Bin], received_ns: int) -> list[DecodedGrasp]:
        return [self._decode(each, received_ns) for each in bins]

    def _decode(self, closed: Bin, received_ns: int) -> DecodedGrasp:
        closed_ns = time.monotonic_ns()
        decode, input_state = self._decoder.decode(closed)
        drift = self.drift
        self._decoded += 1
        self._recent.append((self._decoded, closed))
        health = self._binner.health
        return DecodedGrasp(
            stamp_ns=closed.end_ns,
            due_ns=closed.due_ns,
            segment=closed.segment,
            bin=closed.index,
            phase=decode.phase,
            phase_probability=decode.phase_probability,
            object_id=decode.object_id,
            object_probability=decode.object_probability,
            confidence=decode.confidence,
            novelty=decode.novelty,
            aperture=decode.aperture,
            dof=decode.dof,
            lost_batches=health.lost_batches,
            late_spikes=health.late_spikes,
            receive_duration=(received_ns - closed.due_ns) / NS_PER_S if closed.due_ns else float('nan'),
            binning_duration=(closed_ns - received_ns) / NS_PER_S,
            inference_duration=(time.monotonic_ns() - closed_ns) / NS_PER_S,
            received_ns=received_ns,
            validity=input_state.validity,
            invalid_reason=input_state.reason,
            drift=float('nan') if drift is None else drift,
            bundle=self.bundle.sha256[:BUNDLE_CHARACTERS],
            source=closed.source,
            decoder=self._number,
        )


def _end_ns(recent: deque[tuple[int, Bin]]) -> int:
    """End of the latest bin, ns; 0 without one."""
    return recent[-1][1].end_ns if recent else 0

# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""CheckedDecoder: the networks of one bundle behind a monitor of their input."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from grasp_decoder.bundle.engines.bundle_engines import BundleEngines
from grasp_decoder.decoding.bin_decoder import BinDecoder, Decode, do_nothing
from grasp_decoder.decoding.input_monitor import InputMonitor, InputState
from grasp_decoder.features.binning import Bin
from grasp_decoder.features.count_features import SQUARE_ROOT_LUT, count_features
from grasp_decoder.features.drift import TrackedReadIn
from grasp_decoder.features.unit_repair import UnitRepair
from grasp_decoder.types.decoded_grasp import VALIDITY_LIMIT

MOST_DRIFT = 1.0
"""Of the latents, relative to their spread in training: then the input is no longer that of training."""


class CheckedDecoder:
    """Compares each bin with the training trials, then decodes it.

    Units that the monitor leaves out are replaced by what the others lead to expect, and a change of the overall level
    of activity is taken back (`UnitRepair`). A burst on all channels says nothing about the grasp: what was decoded
    before it is said again. If it tracks drift, a slow shift of the latents is taken back as well (`TrackedReadIn`).

    Attributes:
        engines: of the bundle.
        monitor: what compares the input with that of training.
        state: what the input of the last bin was like.
    """

    def __init__(self, engines: BundleEngines, before_each: Callable[[], None] = do_nothing, track_drift: bool = False):
        """Begin a stream.

        Args:
            engines: of the bundle.
            before_each: called before each network; what it raises ends the decode.
            track_drift: whether drift is tracked at first.
        """
        self.engines = engines
        bundle = engines.bundle
        self._tracked = {
            task: TrackedReadIn(read_in, bundle.unit_model, bundle.manifest.bin_ns)
            for task, read_in in bundle.read_ins.items()
        }
        self._decoder = BinDecoder(engines, before_each, self._tracked)
        self.reset()
        self.track_drift(track_drift)

    def track_drift(self, on: bool) -> None:
        """Track drift from now on, or no longer; either way begin without any."""
        for each in self._tracked.values():
            each.on = on
            each.reset()

    @property
    def drift(self) -> float | None:
        """Root of the mean squared shift of the latents, relative to their spread in training; None if not tracked."""
        return max((each.drift for each in self._tracked.values() if each.on), default=None)

    def reset(self) -> None:
        """Be as new: nothing of an earlier stream is remembered."""
        bundle = self.engines.bundle
        self._decoder.reset()
        for each in self._tracked.values():
            each.reset()
        self.monitor = InputMonitor(bundle.input_statistics, bundle.manifest.bin_ns)
        self.state = self.monitor.state
        self._last: Decode | None = None
        self._repair = UnitRepair(bundle.unit_model, bundle.input_statistics.rate)

    def decode(self, closed: Bin) -> tuple[Decode, InputState]:
        """Decode the next bin, and say what the input was like."""
        state = self.monitor.push(closed.counts)
        if closed.fresh:
            self._decoder.reset()
            self._last = None
        for each in self._tracked.values():
            each.learning = state.validity >= VALIDITY_LIMIT
        if self._last is None or not state.artefact:
            roots = self._repaired_roots(closed.counts, state)
            self._last = self._decoder.decode(closed.counts, roots, self._repair.activity)
        self.state = self._with_drift(state)
        return self._last, self.state

    def _with_drift(self, state: InputState) -> InputState:
        """The state, less valid where latents have drifted."""
        drift = self.drift
        if drift is None:
            return state
        validity = max(0.0, 1.0 - (1.0 - VALIDITY_LIMIT) * drift / MOST_DRIFT)
        if validity >= state.validity:
            return state
        reason = state.reason
        if validity < VALIDITY_LIMIT:
            reason = f'what the units say has drifted by {drift:.1f} times its spread in training'
        return replace(state, validity=validity, reason=reason)

    def _repaired_roots(self, counts: NDArray[np.uint16], state: InputState) -> NDArray[np.float32] | None:
        """Square roots of the counts as if nothing were wrong with the units; None while nothing is."""
        self._repair.adapt(state.living, state.gain)
        return None if self._repair.changes_nothing else self._repair(count_features(counts, SQUARE_ROOT_LUT))

# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""WarmUpDecoder: decodes made-up bins, so that the next real bin finds code and weights in the CPU's caches."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from grasp_decoder.bundle.engines.backends import CPU
from grasp_decoder.decoding.streaming import StreamingDecoder
from grasp_decoder.types.decoded_grasp import DecodedGrasp
from grasp_decoder.types.spike_batch import SpikeBatch


def never() -> bool:
    """A warm-up that nothing cuts short."""
    return False


class CutShort(Exception):
    """A real bin has come."""


class WarmUpDecoder:
    """Decodes made-up bins with the engines of a decoder, and with a state of its own.

    It must not decode at the same time as that decoder.
    """

    def __init__(self, decoder: StreamingDecoder):
        self._decoder = StreamingDecoder(decoder.engines, before_each=self._go_on)
        self._cut_short: Callable[[], bool] = never
        manifest = decoder.bundle.manifest
        self._bin_ns = manifest.bin_ns
        self._unit_count = manifest.unit_count
        # As many spikes as an average bin of training has: more would be taken for an artefact and not be decoded.
        spikes = max(1, min(manifest.unit_count, round(float(decoder.bundle.input_statistics.rate.sum()))))
        self._unit = np.arange(spikes, dtype=np.uint16)
        self._offset_ns = np.zeros(spikes, np.uint32)
        self._bins = 0

    def decode(self, cut_short: Callable[[], bool] = never) -> DecodedGrasp | None:
        """Decode one more bin with the number of spikes of an average one.

        Args:
            cut_short: asked before each network; once it is true, no further network runs, and None is given.
        """
        self._cut_short = cut_short
        start_ns = self._bins * self._bin_ns
        batch = SpikeBatch(
            self._bins, 0, start_ns, start_ns + self._bin_ns, self._unit_count, self._unit, self._offset_ns
        )
        self._bins += 1
        try:
            return self._decoder.push(batch)[0]
        except CutShort:
            return None

    def _go_on(self) -> None:
        if self._cut_short():
            raise CutShort


def warm_up_decoder(decoder: StreamingDecoder) -> WarmUpDecoder | None:
    """A warm-up decoder for what ``decoder`` runs now.

    Returns:
        None if any task runs on an accelerator, which must be free when a real bin comes.
    """
    on_cpu = all(place.startswith(CPU) for place in decoder.engines.backends.values())
    return WarmUpDecoder(decoder) if on_cpu else None

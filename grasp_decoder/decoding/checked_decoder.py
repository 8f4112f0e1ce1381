"""CheckedDecoder: the networks of one bundle behind a monitor of their input."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from grasp_decoder.bundle.engines.bundle_engines import BundleEngines
from grasp_decoder.decoding.bin_decoder import BinDecoder, Decode, do_nothing
from grasp_decoder.decoding.input_monitor import InputMonitor, InputState
from grasp_decoder.features.binning import Bin
from grasp_decoder.features.count_features import SQUARE_ROOT_LUT, count_features
from grasp_decoder.features.unit_repair import UnitRepair


class CheckedDecoder:
    """Compares each bin with the training trials, then decodes it.

    Units that the monitor leaves out are replaced by what the others lead to expect, and a change of the overall level
    of activity is taken back (`UnitRepair`). A burst on all channels says nothing about the grasp: what was decoded
    before it is said again.
    """

    def __init__(self, engines: BundleEngines, before_each: Callable[[], None] = do_nothing):
        """``before_each`` is called before each network; what it raises ends the decode."""
        self.engines = engines
        self._decoder = BinDecoder(engines, before_each)
        self.reset()

    def reset(self) -> None:
        """Be as new: nothing of an earlier stream is remembered."""
        bundle = self.engines.bundle
        self._decoder.reset()
        self.monitor = InputMonitor(bundle.input_statistics, bundle.manifest.bin_ns)
        self._last: Decode | None = None
        self._repair = UnitRepair(bundle.unit_model, bundle.input_statistics.rate)

    def decode(self, closed: Bin) -> tuple[Decode, InputState]:
        """Decode the next bin, and say what the input was like."""
        state = self.monitor.push(closed.counts)
        if closed.fresh:
            self._decoder.reset()
            self._last = None
        if self._last is None or not state.artefact:
            roots = self._repaired_roots(closed.counts, state)
            self._last = self._decoder.decode(closed.counts, roots, self._repair.activity)
        return self._last, state

    def _repaired_roots(self, counts: NDArray[np.uint16], state: InputState) -> NDArray[np.float32] | None:
        """Square roots of the counts as if nothing were wrong with the units; None while nothing is."""
        self._repair.adapt(state.living, state.gain)
        return None if self._repair.changes_nothing else self._repair(count_features(counts, SQUARE_ROOT_LUT))

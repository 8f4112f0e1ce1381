"""CheckedDecoder: the networks of one bundle behind a monitor of their input."""

from __future__ import annotations

from grasp_decoder.bundle.engines.bundle_engines import BundleEngines
from grasp_decoder.decoding.bin_decoder import BinDecoder, Decode
from grasp_decoder.decoding.input_monitor import InputMonitor, InputState
from grasp_decoder.features.binning import Bin


class CheckedDecoder:
    """Compares each bin with the training trials, then decodes it.

    A burst on all channels says nothing about the grasp: what was decoded before it is said again.
    """

    def __init__(self, engines: BundleEngines):
        self.engines = engines
        self._decoder = BinDecoder(engines)
        self.reset()

    def reset(self) -> None:
        """Be as new: nothing of an earlier stream is remembered."""
        bundle = self.engines.bundle
        self._decoder.reset()
        self.monitor = InputMonitor(bundle.input_statistics, bundle.manifest.bin_ns)
        self._last: Decode | None = None

    def decode(self, closed: Bin) -> tuple[Decode, InputState]:
        """Decode the next bin, and say what the input was like."""
        state = self.monitor.push(closed.counts)
        if closed.fresh:
            self._decoder.reset()
            self._last = None
        if self._last is None or not state.artefact:
            self._last = self._decoder.decode(closed.counts)
        return self._last, state

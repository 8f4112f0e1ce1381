# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""OfflineDecoder: decodes the bins of a run again, and does what the running decoder did, between the same bins."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from grasp_decoder.bundle.bundle import SEAL, Bundle, load_bundle, seal_of
from grasp_decoder.bundle.engines.bundle_engines import BundleEngines, EngineOptions
from grasp_decoder.decoding.streaming import StreamingDecoder, Successor
from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.types.decoded_grasp import DecodedGrasp
from grasp_decoder.types.decoder_info import DecoderInfo
from grasp_decoder.types.spike_batch import SpikeBatch


class OfflineDecoder:
    """Exchanges bundles as the running decoder did, and tracks drift where it did.

    Args:
        bundle: with which the run began. Those that took over must lie beside it, or in one of ``folders``.
        options: of the running decoder.
        infos: what it said of itself, in the order of arrival.
        folders: of further bundles.

    Raises:
        GraspDecoderError: a bundle that took over is not there any more.
    """

    def __init__(
        self,
        bundle: Bundle,
        options: EngineOptions,
        infos: Sequence[DecoderInfo] = (),
        folders: Sequence[Path] = (),
    ):
        self._options = options
        self._decoder = StreamingDecoder(BundleEngines(bundle, options))
        exchanges = {info.took_over_ns: info for info in infos if info.took_over_ns}
        places = (bundle.path.resolve().parent, *folders)
        self._exchanges = [(info, _find(info, places)) for info in exchanges.values()]
        self._successor: Successor | None = None

    @property
    def bundle(self) -> Bundle:
        """The bundle that decodes now."""
        return self._decoder.bundle

    def push(self, batch: SpikeBatch, running: DecodedGrasp | None = None) -> list[DecodedGrasp]:
        """Decode the bins that are complete once this batch has come.

        Args:
            batch: of one bin, the next one of the run.
            running: what the running decoder said of this bin; None if it said nothing.
        """
        if self._exchanges:
            self._exchange(*self._exchanges[0], before_ns=batch.start_ns)
        if running is not None:
            self._decoder.track_drift(not math.isnan(running.drift))
        return self._decoder.push(batch)

    def _exchange(self, info: DecoderInfo, bundle: Bundle, before_ns: int) -> None:
        """Go as far with this exchange as the running decoder had come before the bin that begins at ``before_ns``."""
        if self._successor is None and info.prepared_ns <= before_ns:
            self._successor = self._decoder.prepare(BundleEngines(bundle, self._options))
        if self._successor is not None and info.took_over_ns <= before_ns:
            self._decoder.swap(self._successor)
            self._successor = None
            del self._exchanges[0]


def _find(info: DecoderInfo, folders: Sequence[Path]) -> Bundle:
    """The bundle of that hash in one of the folders."""
    for folder in folders:
        for seal in folder.glob(f'*/{SEAL}'):
            if seal.read_bytes() == seal_of(info.bundle_sha256):
                return load_bundle(seal.parent)
    raise GraspDecoderError(
        f'bundle {info.bundle_id} took over in this run, and does not lie in {" or ".join(map(str, folders))}: its '
        'bins cannot be compared with the offline decoder; name its folder in the parameter bundle_folders of '
        'run_monitor'
    )

# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Did the hand get what was measured offline? Every bin of a run is counted and decoded again, and compared."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from grasp_decoder.features.binning import bin_counts
from grasp_decoder.recording.batches import batches
from grasp_decoder.recording.session import Session, Trial
from grasp_decoder.system.offline_decoder import OfflineDecoder
from grasp_decoder.system.run_record import RunRecord
from grasp_decoder.types.decoded_grasp import DecodedGrasp

OUTPUTS = ('phase', 'phase_probability', 'object_id', 'object_probability', 'confidence', 'aperture', 'drift')


def expected_bins(trials: Sequence[Trial], bin_ns: int) -> int:
    """Whole bins of the trials."""
    return sum((trial.stop_ns - trial.start_ns) // bin_ns for trial in trials)


def count_wrong_bins(
    record: RunRecord,
    session: Session,
    trials: Sequence[Trial],
    offline: OfflineDecoder,
    goes_on: Callable[[], bool] = lambda: True,
) -> int | None:
    """Bins whose counts or outputs differ from the offline decoder's in any bit, are missing, or should not be.

    None when ``goes_on`` became false before the end.
    """
    bin_ns = offline.bundle.manifest.bin_ns
    counted = {(each.segment, each.index): each.counts for each in record.bins}
    decoded = {(each.segment, each.bin): each for each in record.decodes}
    wrong, expected = 0, set()
    for batch in batches(session, bin_ns, trials):
        if not goes_on():
            return None
        begun_ns = trials[batch.segment].start_ns
        for right in offline.push(batch, decoded.get((batch.segment, (batch.start_ns - begun_ns) // bin_ns))):
            place = right.segment, right.bin
            trial = trials[right.segment]
            if not right.bin:
                counts = bin_counts(
                    trial.times_ns, trial.units, trial.start_ns, trial.stop_ns, bin_ns, session.unit_count
                )
            expected.add(place)
            wrong += (
                place not in decoded
                or place not in counted
                or not np.array_equal(counted[place], counts[right.bin])
                or not _same_outputs(decoded[place], right)
            )
    return wrong + len(decoded.keys() - expected) + len(record.decodes) - len(decoded)


def _same_outputs(one: DecodedGrasp, other: DecodedGrasp) -> bool:
    # Messages carry float32. NaN counts as equal to NaN.
    return all(
        np.asarray(getattr(one, name), np.float32).tobytes() == np.asarray(getattr(other, name), np.float32).tobytes()
        for name in OUTPUTS
    )

# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Which trials of a run were played: only these are scored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from grasp_decoder.recording.session import Trial
from grasp_decoder.types.decoded_grasp import DecodedGrasp


@dataclass(frozen=True)
class Played:
    """How far a run got.

    Attributes:
        count: so many trials, from the first, were played to their end, with the time that the hand has after it.
        note: why the others were not; '' when all were.
    """

    count: int
    note: str


def over_ns(trials: Sequence[Trial], segment: int) -> float:
    """The time until which the hand may do what it does in a trial: the Cue of the next one."""
    if segment + 1 == len(trials):
        return float('inf')
    following = trials[segment + 1]
    return following.events.get('Cue', following.start_ns)


def played_trials(decodes: Sequence[DecodedGrasp], trials: Sequence[Trial], bin_ns: int) -> Played:
    """How far the decodes of a run reach. Bins that are missing in between do not matter here: they are wrong bins."""
    bins = [(trial.stop_ns - trial.start_ns) // bin_ns for trial in trials]
    if any(each.segment >= len(trials) or each.bin >= bins[each.segment] for each in decodes):
        return Played(0, 'nothing is scored: there are decodes that belong to no trial, as after a seek or in a loop')
    last = max(((each.segment, each.bin, each.stamp_ns) for each in decodes), default=(0, -1, 0))
    if last[:2] == (len(trials) - 1, bins[-1] - 1):
        return Played(len(trials), '')
    count = sum(over_ns(trials, segment) <= last[2] for segment in range(last[0]))
    return Played(
        count,
        f'the run ended early, in trial {last[0] + 1} of {len(trials)}: {count} trials were played and are scored',
    )

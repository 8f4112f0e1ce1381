# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Earlier sessions that a network learns from as well, each behind a read-in of its own.

All of their read-ins give the same latents: those of the session with the most trials, whose read-in is found in closed
form, and to which the others are aligned with all their labelled trials (`alignment`). So one network learns from the
latents of all of them, as in multi-session LFADS (Pandarinath et al. 2018).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from grasp_decoder.features.read_in import ReadIn
from grasp_decoder.features.trial_bins import TrialBins
from grasp_decoder.learning.models.alignment import align, course_of
from grasp_decoder.learning.models.fisher_read_in import fisher_read_in


@dataclass(frozen=True)
class EarlierSession:
    """A session of an earlier day, with the same objects and events.

    Attributes:
        name, sha256: of its recording.
        trials: usable ones, all to train on.
        negatives: as in a `FitProblem`.
    """

    name: str
    sha256: str
    trials: Sequence[TrialBins]
    negatives: Sequence[TrialBins] = ()


def common_read_ins(sessions: Sequence[Sequence[TrialBins]]) -> list[ReadIn]:
    """A read-in for each of several sessions, given by their training trials; all of them give the same latents."""
    return _read_ins_of(tuple(map(tuple, sessions)))


@lru_cache(maxsize=1)  # the networks of all tasks learn from the same trials
def _read_ins_of(sessions: Sequence[Sequence[TrialBins]]) -> list[ReadIn]:
    largest = max(sessions, key=len)
    own = ReadIn(*fisher_read_in(largest))
    course = course_of(largest, own) if len(sessions) > 1 else {}
    return [own if trials is largest else align(course, trials).read_in for trials in sessions]

# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""TrialReports: one line for each trial of a run, as soon as the trial is over."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from grasp_decoder.control.grip_table import GripTable
from grasp_decoder.recording.session import Trial
from grasp_decoder.system.played_trials import over_ns
from grasp_decoder.system.run_record import RunRecord
from grasp_decoder.system.run_result import score_run, trial_line


class TrialReports:
    """Scores the trials of a run while it goes on.

    Args:
        trials: of the run; their positions are the segments.
        merge: recorded object id -> id of the class it belongs to.
        grips: which grip is right for which object.
        paced: whether the hand is judged; at full speed it is not.

    Attributes:
        segment: the first that has no report yet.
        recent: decodes, commands and hand states since the start of that segment's trial. It is for the caller to fill.
    """

    def __init__(self, trials: Sequence[Trial], merge: dict[int, int], grips: GripTable, paced: bool):
        self._trials = trials
        self._merge = merge
        self._grips = grips
        self._paced = paced
        self.segment = 0
        self.recent = RunRecord()

    def lines(self, now_ns: float = float('inf')) -> Iterator[str]:
        """Lines for the trials that have ended since the last call.

        Args:
            now_ns: acquisition clock of the last decode; without it, all trials are over.
        """
        while self.segment < len(self._trials) and now_ns >= over_ns(self._trials, self.segment):
            yield from self._report(self.segment)
            self.segment += 1
            if self.segment < len(self._trials):
                self.recent.forget_before(self._trials[self.segment].start_ns)

    def _report(self, segment: int) -> Iterator[str]:
        number, of = segment + 1, len(self._trials)
        label = self._grips.objects.find(self._trials[segment].object_id).label
        if not self._paced:
            yield f'trial {number:4}/{of}  {label:10}  decoded'
            return
        outcomes = score_run(self.recent, self._trials[: number + 1], self._merge, self._grips, first=segment)
        for outcome in outcomes:
            if outcome.segment == segment and outcome.counts:
                yield trial_line(outcome, label, number, of)

# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""StageTimes: how long each stage from the end of a bin to the hand command took, as percentiles."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

import numpy as np

REMEMBERED = 1500  # a minute of bins of 40 ms
TOTAL = 'total'


class StageTimes:
    """Durations of the stages of the latest bins (`REMEMBERED`), in seconds.

    Args:
        stages: names of the stages, in the order in which they follow one another.

    Attributes:
        overruns: bins whose stages took longer together than a bin lasts.
    """

    def __init__(self, stages: Sequence[str]):
        self._stages = *stages, TOTAL
        self._durations: deque[tuple[float, ...]] = deque(maxlen=REMEMBERED)
        self.overruns = 0

    def add(self, bin_s: float, *durations: float) -> None:
        """Add one bin.

        Args:
            bin_s: how long a bin lasts, s.
            durations: how long each stage took, s.
        """
        total = sum(durations)
        self.overruns += total > bin_s
        self._durations.append((*durations, total))

    def percentiles(self) -> dict[str, tuple[float, float]]:
        """Stage -> (50th, 99th percentile) in seconds, the total last; empty before the first bin."""
        durations = np.array(self._durations.copy())
        if not len(durations):
            return {}
        p50, p99 = np.percentile(durations, (50, 99), axis=0)
        return {stage: (p50[i], p99[i]) for i, stage in enumerate(self._stages)}

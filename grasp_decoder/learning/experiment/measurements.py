# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""What is measured during a run."""

from __future__ import annotations

import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class Measurements:
    """What a run took, collected on the way.

    Attributes:
        timing: seconds of each step and ``peak_rss_mb``, by their names in metrics.json.
        ended_early: the fits that the clock or Ctrl-C ended.
    """

    timing: dict[str, float] = field(default_factory=dict)
    ended_early: list[str] = field(default_factory=list)

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        """Time the body. When a step is done several times, its first time is kept."""
        start = time.monotonic()
        yield
        self.timing.setdefault(name, time.monotonic() - start)

    def take_peak_memory(self) -> None:
        """Note the most memory that this process has used so far, MB."""
        self.timing['peak_rss_mb'] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

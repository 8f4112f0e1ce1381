# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""What happens when a node of a run ends: it is started again, the run ends, or the run goes on without it."""

from __future__ import annotations

from collections import defaultdict, deque
from dataclasses import replace
from enum import Enum

from grasp_decoder.system.description import NodeDescription

MOST, WITHIN_S = 3, 60.0
ONLOOKERS = ('recorder', 'outlet', 'viewer', 'adapter')
"""The hand does not need them."""
DELAY_S = 0.5
"""From the end of a node to its new start."""
NEGATIVE, BAD_INPUT = 1, 2


class After(Enum):
    """What follows the end of a node."""

    GO_ON = 'the run goes on without it'
    START_AGAIN = 'it is started again'
    END = 'the run ends'


class Restarts:
    """Decides what follows the end of each node of one run.

    Args:
        again: whether a node that crashed is started again. A simulated world waits for its answer, which is lost.

    Attributes:
        failure: why the run failed; '' while it did not.
    """

    def __init__(self, again: bool = True) -> None:
        self._again = again
        self.failure = ''
        self._crashes: dict[str, deque[float]] = defaultdict(lambda: deque(maxlen=MOST))

    def after(self, name: str, status: int, now_s: float) -> After:
        """What follows when node ``name`` has ended with this status at ``now_s`` of a monotonic clock.

        A crash is followed by a new start, `MOST` times within `WITHIN_S`. A node that found bad input would find it
        again. A replayer has done its work when it ends; the monitor then ends the run. The crash of one of the
        `ONLOOKERS` ends nothing.
        """
        if status == 0 and name == 'run_monitor':
            return After.END
        after = self._after_trouble(name, status, now_s)
        if after == After.END:
            self.failure = f'{name} has ended with status {status}'
        return after

    def _after_trouble(self, name: str, status: int, now_s: float) -> After:
        if name == 'run_monitor' or status == BAD_INPUT:
            return After.END
        if name in ONLOOKERS or (status == 0 and name == 'spike_replayer'):
            return After.GO_ON
        if status == 0 or not self._again:
            return After.END
        crashes = self._crashes[name]
        if len(crashes) == MOST and now_s - crashes[0] < WITHIN_S:
            return After.END
        crashes.append(now_s)
        return After.START_AGAIN


def started_again(description: NodeDescription) -> NodeDescription:
    """The node as it is started after a crash: nobody tells a replayer a second time to begin."""
    parameters = {name: value for name, value in description.parameters.items() if name != 'start_paused'}
    return replace(description, parameters=parameters)

# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""SeenRun: all that the page shows of a run, from what the nodes say."""

from __future__ import annotations

import math
import re
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from grasp_decoder.control.grip_table import GripTable
from grasp_decoder.page.belief import Belief
from grasp_decoder.page.live_outcomes import LiveOutcomes, Outcomes
from grasp_decoder.page.unit_rates import UnitRates
from grasp_decoder.types.decoded_grasp import DecodedGrasp
from grasp_decoder.types.decoder_info import DecoderInfo
from grasp_decoder.types.hand_command import HandCommand
from grasp_decoder.types.hand_state import HandState
from grasp_decoder.types.spike_batch import SpikeBatch
from grasp_decoder.types.time import NS_PER_MS
from grasp_decoder.types.trial_event import TrialEvent

SILENT_S = 1.0
"""Who has said nothing for so long is silent."""

FORGOTTEN_S = 5.0
"""A status on /diagnostics, which comes once a second, is old after so long."""

REMEMBERED_LATENCIES = 1500

LEVELS = ('ok', 'warning', 'error', 'stale')


@dataclass(frozen=True)
class Status:
    """One status of /diagnostics: ``level`` is one of `LEVELS`, ``values`` are as the node words them."""

    name: str
    level: str
    message: str
    values: Mapping[str, str]


@dataclass(frozen=True)
class Latency:
    """From the end of a bin to the published hand command, in ms, of the latest bins."""

    p50: float
    p99: float
    highest: float


class SeenRun:
    """Takes what the nodes say; nobody waits for it.

    Args:
        grips: which grip suits which object, and what people call the objects.
        namespace: of the system that is shown, without slashes at its ends; statuses of others are left out.
        clock: s; how old something is, is measured by it.
        outcomes: of the trials, where somebody else scores them; None: they are scored here.

    Attributes:
        rates: of the units.
        belief: about phase, object and grip.
        outcomes: of the trials so far.
        command: what the hand is told; None before the first command.
        hand: of a simulated hand: where it and its object are.
        joints: name -> measured position (rad, m); where nothing is measured, the target.
    """

    def __init__(
        self,
        grips: GripTable,
        namespace: str = '',
        clock: Callable[[], float] = time.monotonic,
        outcomes: Outcomes | None = None,
    ):
        self.rates = UnitRates()
        self.belief = Belief(grips)
        self.outcomes = LiveOutcomes(grips) if outcomes is None else outcomes
        self.command: HandCommand | None = None
        self.hand: HandState | None = None
        self.joints: dict[str, float] = {}
        self._prefix = f'{namespace}/' if namespace else ''
        self._clock = clock
        self._heard_s: dict[str, float] = {}
        self._stood_still = False
        self._latencies_ms: deque[float] = deque(maxlen=REMEMBERED_LATENCIES)
        self._statuses: dict[str, tuple[float, Status]] = {}

    # --- what it takes

    def take_spikes(self, batch: SpikeBatch) -> None:
        """Take a batch of spikes, or a heartbeat."""
        self._hear('spikes')
        self._stood_still = batch.start_ns == batch.end_ns
        self.rates.take(batch)

    def take_info(self, info: DecoderInfo) -> None:
        """Take what a decoder says of itself."""
        self.belief.take_info(info)

    def take_decode(self, decode: DecodedGrasp) -> None:
        """Take the decode of one bin."""
        self._hear('decoder')
        self.belief.take_decode(decode)

    def take_command(self, command: HandCommand) -> None:
        """Take what the hand is told."""
        self._hear('hand_bridge')
        self.command = command
        self.outcomes.take_command(command)
        if command.due_ns:
            self._latencies_ms.append((command.published_ns - command.due_ns) / NS_PER_MS)

    def take_hand(self, state: HandState) -> None:
        """Take where a simulated hand and its object are."""
        self._hear('hand')
        self.hand = state
        self.outcomes.take_state(state)

    def take_joints(self, names: Sequence[str], positions: Sequence[float]) -> None:
        """Take measured positions of joints."""
        self._hear('joints')
        self._move(names, positions)

    def take_targets(self, names: Sequence[str], positions: Sequence[float]) -> None:
        """Take where joints are to be: they are shown while nobody says where they are."""
        if not self.hears('joints'):
            self._move(names, positions)

    def take_event(self, event: TrialEvent) -> None:
        """Take an event of the task."""
        self.outcomes.take_event(event)

    def take_status(self, status: Status) -> None:
        """Take a status of /diagnostics, which all systems share."""
        name = status.name.removeprefix(self._prefix)
        if '/' not in name and (name != status.name or not self._prefix):
            self._statuses[name] = self._clock(), status

    # --- what it shows

    def hears(self, who: str) -> bool:
        """Whether there are messages: ``spikes``, ``decoder``, ``hand_bridge``, ``hand`` or ``joints``."""
        return self.silent_s(who) < SILENT_S

    def silent_s(self, who: str) -> float:
        """Seconds since the last message; inf before the first."""
        return self._clock() - self._heard_s.get(who, float('-inf'))

    @property
    def paused(self) -> bool:
        """Whether the source sends heartbeats, and its time stands still: a pause, also that between two trials."""
        return self.hears('spikes') and self._stood_still

    def latency(self) -> Latency | None:
        """Latency of the latest bins; None before the first."""
        if not self._latencies_ms:
            return None
        p50, p99, highest = np.percentile(self._latencies_ms, (50, 99, 100))
        return Latency(float(p50), float(p99), float(highest))

    def statuses(self) -> dict[str, Status]:
        """Name without namespace -> the latest statuses of the nodes that still say one."""
        now_s = self._clock()
        return {name: each for name, (heard_s, each) in self._statuses.items() if now_s - heard_s < FORGOTTEN_S}

    def left_out_units(self) -> dict[str, list[int]]:
        """Units that the decoder does without: those that are dead, and those that run away, the first 40 of each."""
        status = self.statuses().get('decoder: input')
        values = status.values if status else {}
        return {kind: _numbers(values.get(f'{kind} units', '')) for kind in ('dead', 'runaway')}

    def _move(self, names: Sequence[str], positions: Sequence[float]) -> None:
        self.joints.update((name, position) for name, position in zip(names, positions) if math.isfinite(position))

    def _hear(self, who: str) -> None:
        self._heard_s[who] = self._clock()


def _numbers(listed: str) -> list[int]:
    """The units in a text such as ``3: 1 5 9``, as the decoder lists them."""
    return [int(number) for number in re.findall(r'\b\d{1,5}\b', listed.partition(':')[2])]

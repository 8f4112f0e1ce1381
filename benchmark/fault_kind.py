# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""One kind of fault of the campaign, and what is expected of the hand.

A fault is a generator. It makes the fault, gives the CLOCK_MONOTONIC at which it began, and, called again, undoes it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from benchmark.fault_system import System
from grasp_decoder.control.fault_policies import FaultKind
from grasp_decoder.control.settings import ControlSettings
from grasp_decoder.system.node_settings import BridgeSettings

Fault = Callable[[System, np.random.Generator], Iterator[int]]

TICK_S = 1 / BridgeSettings().target_rate_hz
SILENCE_LIMIT_S = ControlSettings().decode_timeout_s + TICK_S


class Outcome(StrEnum):
    """What is expected of the hand."""

    SAFE = 'safe'
    GOES_ON = 'goes on'
    EITHER = 'either'


class Since(StrEnum):
    """From when the detection limit counts."""

    FAULT = 'the fault'
    SOURCE = "the fault, or the end of the source's pause"
    LAST_DECODE = 'the last decode'
    LAST_TARGET = 'the last joint target'


@dataclass(frozen=True)
class Kind:
    """One kind of fault.

    Attributes:
        name: for the table and the option ``--kinds``.
        fault: makes and undoes it.
        outcome: what is expected of the hand.
        reports: pattern of what must be heard of the fault on /diagnostics, in a command's reason or in a log;
            '' when nothing is lost.
        since, limit_s: the detection limit, the time after which the fault must have been noticed.
        cause: the line of ``config/faults.yaml`` that says what the hand does.
        lasts_s: how long the fault lasts.
        hand_is_silent: the hand itself is dead or frozen, and its joints are not heard of.
    """

    name: str
    fault: Fault
    outcome: Outcome = Outcome.SAFE
    reports: str = ''
    since: Since = Since.FAULT
    limit_s: float = SILENCE_LIMIT_S
    cause: FaultKind = FaultKind.SILENCE
    lasts_s: float = 1.0
    hand_is_silent: bool = False

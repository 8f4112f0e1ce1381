# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Settings of the grasp controller: one frozen dataclass, each field with its range, unit and meaning."""

from __future__ import annotations

from dataclasses import dataclass

from grasp_decoder.control.held import KEPT_S, LIFTING_S
from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.types.setting import Settings, setting

SAFE_STATES = ('by_fault', 'open', 'hold')


@dataclass(frozen=True)
class ControlSettings(Settings):
    """What decides when the hand moves, how fast, and when it may not.

    The certainty of a grip is 0 when the grip is as probable as before anything was known, and 1 when nothing else is
    possible. Durations are seconds of the acquisition clock. Those of the watchdog (``decode_timeout_s``,
    ``pause_timeout_s``, ``max_latency_s``) are seconds of CLOCK_MONOTONIC.

    Raises:
        GraspDecoderError: a value outside its range.
    """

    safe_state: str = setting(
        'by_fault', 'what SAFE does: what the table of faults says, or open or hold in every fault', choices=SAFE_STATES
    )
    proportional: bool = setting(False, 'the aperture follows the decoded aperture (regression) instead of the phase')

    phase_memory_s: float = setting(
        0.05, 'time constant of forgetting evidence about the phase', unit='s', low=0.001, high=10.0
    )
    phase_gain: float = setting(
        0.5, 'weight of one bin of phase evidence; 1: bins are independent', low=0.001, high=1.0
    )

    close_threshold: float = setting(
        0.7, 'probability of GRASP (proportional: aperture) that closes it', low=0.0, high=1.0
    )
    release_threshold: float = setting(
        0.3, 'probability of GRASP (proportional: aperture) that releases it', low=0.0, high=1.0
    )
    preshape_confidence: float = setting(
        0.9, 'certainty of a grip at which the hand preshapes for it', low=0.0, high=1.0
    )
    preshape_release: float = setting(0.5, 'certainty of the grip below which the hand opens again', low=0.0, high=1.0)
    close_confidence: float = setting(0.3, 'certainty of a grip at which the hand may close', low=0.0, high=1.0)

    open_dwell_s: float = setting(0.3, 'least time in OPEN', unit='s', low=0.0, high=10.0)
    preshape_dwell_s: float = setting(
        0.2, 'least time in PRESHAPE with one grip, unless the hand closes', unit='s', low=0.0, high=10.0
    )
    abort_dwell_s: float = setting(
        0.1, 'time below release_threshold after which CLOSE is aborted', unit='s', low=0.0, high=10.0
    )
    hold_dwell_s: float = setting(
        KEPT_S, 'how long an object stays lifted before rest lets it go', unit='s', low=0.0, high=60.0
    )
    lift_s: float = setting(
        LIFTING_S,
        'time that lifting takes after HOLD began, where the hand does not say how high the object is',
        unit='s',
        low=0.0,
        high=10.0,
    )
    release_dwell_s: float = setting(
        0.0, 'time below release_threshold after which HOLD releases', unit='s', low=0.0, high=10.0
    )

    max_aperture_velocity: float = setting(10.0, 'fastest change of the aperture', unit='1/s', low=0.01, high=100.0)
    max_aperture_acceleration: float = setting(
        250.0, 'fastest speeding up of the aperture', unit='1/s^2', low=0.01, high=10000.0
    )
    aperture_dead_band: float = setting(
        0.05, 'proportional: changes of the aperture that are ignored', low=0.0, high=0.5
    )

    decode_timeout_s: float = setting(
        0.15, 'silence after which the hand is SAFE; at least two bins', unit='s', low=0.001, high=10.0
    )
    pause_timeout_s: float = setting(
        0.75, 'standstill of a live source after which the hand is SAFE', unit='s', low=0.001, high=60.0
    )
    max_latency_s: float = setting(
        0.3, 'age of a decode, from due_ns, above which the hand is SAFE', unit='s', low=0.001, high=10.0
    )
    recovery_s: float = setting(
        0.2, 'time of healthy decodes at rest after which SAFE is left', unit='s', low=0.0, high=60.0
    )

    @property
    def blind_hold_s(self) -> float:
        """Least time in HOLD where nobody says how high the object is."""
        return self.lift_s + self.hold_dwell_s

    def __post_init__(self) -> None:
        super().__post_init__()
        for low, high in (('release_threshold', 'close_threshold'), ('preshape_release', 'preshape_confidence')):
            if getattr(self, low) > getattr(self, high):
                raise GraspDecoderError(
                    f'{low} is {getattr(self, low)}: it must not exceed {high}, {getattr(self, high)}'
                )

# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""A block as a file holds it, before names are mapped and times become integers: what every reader gives."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np

from grasp_decoder.recording.annotations import plain


@dataclass(frozen=True)
class RecordedEpoch:
    """A stretch of a segment that the file names.

    Attributes:
        name: of the list of stretches that it is in; empty when there is none.
        label: of the stretch itself; empty when there is none.
        start_s, stop_s: its bounds.
    """

    name: str
    label: str
    start_s: float
    stop_s: float


@dataclass(frozen=True)
class RecordedTrial:
    """One trial as a file holds it, or one long segment that has yet to be cut into trials.

    Attributes:
        annotations: of the segment.
        start_s, stop_s: of its spike trains; NaN when it has none.
        events: (label, seconds), as in the file.
        spikes_s: float64 (n_spikes,), seconds, unit after unit.
        spike_counts: int64 (units,), spikes of each unit.
        unit_annotations: one per unit.
        signals: name -> (seconds float64 (n,), values float64 (n, channels)).
        unit_names: one per unit; empty when the file names none.
        epochs: in file order.
        observed_s: the stretches (n, 2) in which each unit was observed; empty where the file does not say.
    """

    annotations: dict[str, Any]
    start_s: float
    stop_s: float
    events: list[tuple[str, float]]
    spikes_s: np.ndarray
    spike_counts: np.ndarray
    unit_annotations: list[dict[str, Any]]
    signals: dict[str, tuple[np.ndarray, np.ndarray]] = field(default_factory=dict)
    unit_names: list[str] = field(default_factory=list)
    epochs: list[RecordedEpoch] = field(default_factory=list)
    observed_s: list[np.ndarray] = field(default_factory=list)


@dataclass(frozen=True)
class RecordedBlock:
    """What a file holds: its name, where it has one, and its trials or long segments in file order.

    ``remarks`` are what a person should know about it, a sentence each.
    """

    name: str | None
    trials: list[RecordedTrial]
    remarks: tuple[str, ...] = ()


@lru_cache
def unit_factor(units: str, to: str) -> float:
    """How many of ``to`` one of ``units`` is, for all units that the quantities package knows."""
    if units == to:
        return 1.0
    import quantities

    return float(quantities.Quantity(1.0, units).rescale(to).magnitude)


def event_labels(labels, name, count: int) -> list[str]:
    """The labels of ``count`` events. Where there are none, or they are empty, the name of the list stands for them."""
    given = [str(plain(label)) for label in labels] or [''] * count
    return [label or str(plain(name) or '') for label in given]


def add_signal(signals: dict, name, seconds: np.ndarray, values: np.ndarray) -> None:
    """Keep a signal under its name, or under a number when it has none or shares it."""
    values = np.asarray(values, dtype=np.float64).reshape(len(seconds), -1)
    key = name if name and name not in signals else f'{name or "signal"}_{len(signals)}'
    signals[key] = np.asarray(seconds, dtype=np.float64), values


def sample_times(start_s: float, rate_hz: float, count: int) -> np.ndarray:
    """Seconds of ``count`` regular samples."""
    return start_s + np.arange(count) / rate_hz

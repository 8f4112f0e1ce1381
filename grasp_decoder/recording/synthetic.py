# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""A synthetic grasping session: small, deterministic, and shaped like the recordings that the decoder is made for.

Each unit is an inhomogeneous Poisson process. Its log-rate is a baseline (over units: median 5 Hz, mean 10 Hz) plus a
response to each phase of the task plus a preference for the shape, the size and the object itself that follows the
area's own course over the trial (AIP sees the object, M1 holds it). A few units are silent. Over days, preferences
drift, units are replaced, and sort codes are shuffled within their electrode.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import ndtri

from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.objects import GraspObject, ObjectCatalogue, load_objects
from grasp_decoder.recording.session import Session, Trial, Unit
from grasp_decoder.types.time import to_ns

AREAS = ('AIP', 'F5', 'M1')
# Seconds from each event to the next: median and spread; Hold to Rew is the grasp.
PHASES = {
    'Start': (0.050, 0.005),
    'Rest': (0.001, 0.0),
    'FixLOn': (0.001, 0.0003),
    'Fix': (0.63, 0.05),
    'Cue': (0.70, 0.0),
    'Mem': (0.79, 0.10),
    'React': (0.013, 0.003),
    'Go': (0.55, 0.10),
    'Hold': (0.39, 0.02),
    'Rew': (0.026, 0.0),
    'Intert': (0.498, 0.0),
}
# How much of a unit's object preference shows in each phase.
TUNING_COURSE = {
    'AIP': {'Cue': 0.9, 'Mem': 0.5, 'Go': 0.6, 'Hold': 0.7, 'Rew': 0.2},
    'F5': {'Cue': 0.5, 'Mem': 0.6, 'Go': 0.8, 'Hold': 0.9, 'Rew': 0.3},
    'M1': {'Cue': 0.1, 'Mem': 0.2, 'Go': 0.8, 'Hold': 1.0, 'Rew': 0.3},
}
TUNING = 0.40  # spread of log-rate over objects where the course is 1
PHASE_RESPONSE = 0.45  # spread of log-rate over phases
TRIAL_GAIN = 0.10  # spread of log-rate over trials, common to all units
WRONG_TRIALS = 0.04
SILENT_UNITS = 0.03
DAY_DRIFT = 0.35  # part of a preference that is new on the next day
DAY_REPLACED = 0.18
MARGIN_S = 0.001  # recording before Start and after End
PAUSE_S = 0.6  # between trials, so that a hand which holds on for 1.2 s has let go before the next Cue
_STEP_S = 0.01
_RISE_S = 0.06  # how fast rates follow the phases


class _Forms:
    """The shapes and sizes that some objects have, in their order. An object without a shape is one of its own."""

    def __init__(self, objects: Sequence[GraspObject]):
        self._of = {each.object_id: (each.shape or each.label, each.size_m) for each in objects}
        self.shapes = list(dict.fromkeys(shape for shape, _ in self._of.values()))
        self.sizes = list(dict.fromkeys(size for _, size in self._of.values()))

    def place(self, object_id: int) -> tuple[int, int]:
        """Position of an object's shape among the shapes, and of its size among the sizes."""
        shape, size = self._of[object_id]
        return self.shapes.index(shape), self.sizes.index(size)

    def choose(self, count: int) -> list[int]:
        """Ids of ``count`` objects that spread evenly over shapes and sizes."""
        sizes = min(len(self.sizes), max(1, round(math.sqrt(count / 2))))
        while sizes < len(self.sizes) and len(self._grid(sizes)) < count:
            sizes += 1
        ids = self._grid(sizes)
        if len(ids) < count:
            raise GraspDecoderError(f'{count} objects: shapes and sizes make {len(ids)} at most')
        return ids[:count]

    def _grid(self, sizes: int) -> list[int]:
        """The objects that have one of so many sizes."""
        chosen = [self.sizes[(2 * index + 1) * len(self.sizes) // (2 * sizes)] for index in range(sizes)]
        return [object_id for object_id, (_, size) in self._of.items() if size in chosen]


@dataclass(frozen=True)
class _Population:
    """Parameters of all units; arrays have one row per unit."""

    units: tuple[Unit, ...]
    forms: _Forms  # of the objects
    log_rate: np.ndarray  # (units,), of Hz; -inf for a silent unit
    phase_response: np.ndarray  # (units, phases)
    shape_tuning: np.ndarray  # (units, shapes)
    size_tuning: np.ndarray  # (units, sizes)
    object_tuning: np.ndarray  # (units, shapes, sizes)


def synthesize(
    units: int = 96, trials: int = 160, objects: int | ObjectCatalogue = 8, seed: int = 42, days: int = 1
) -> list[Session]:
    """Sessions of consecutive days with the same animal, one per day.

    Args:
        units, trials: per day.
        objects: all objects of a catalogue; or so many of the package's own, of shapes that come in several sizes.
        seed: the same seed gives the same sessions.
    """
    for name, value in (('units', units), ('trials', trials), ('objects', objects), ('days', days)):
        if isinstance(value, int) and value < 1:
            raise GraspDecoderError(f'{value} {name}: a session needs at least 1')
    if units > np.iinfo(np.uint16).max:
        raise GraspDecoderError(f'{units} units: at most {np.iinfo(np.uint16).max} can be decoded')
    if isinstance(objects, ObjectCatalogue):
        forms = _Forms(objects.objects)
        object_ids = [each.object_id for each in objects.objects]
    else:
        forms = _Forms(load_objects().in_several_sizes())
        object_ids = forms.choose(objects)
    population = _population(np.random.default_rng([seed, 0]), units, forms)
    sessions = []
    for day in range(days):
        rng = np.random.default_rng([seed, day, 1])
        if day:
            population = _next_day(rng, population)
        sessions.append(_session(rng, population, object_ids, trials, f'synthetic_day{day + 1}'))
    return sessions


def _population(rng: np.random.Generator, count: int, forms: _Forms) -> _Population:
    table: list[Unit] = []
    electrode = 0
    while len(table) < count:
        for sort_code in range(1, rng.integers(2, 4)):  # one or two units on each electrode
            if len(table) < count:
                area = AREAS[len(table) * len(AREAS) // count]
                table.append(Unit(len(table), electrode, int(sort_code), area))
        electrode += 1
    log_rate = math.log(5.0) + 1.18 * ndtri((rng.permutation(count) + 0.5) / count)
    log_rate[rng.random(count) < SILENT_UNITS] = -np.inf
    shapes, sizes = len(forms.shapes), len(forms.sizes)
    return _Population(
        tuple(table),
        forms,
        log_rate,
        rng.normal(0, PHASE_RESPONSE, (count, len(PHASES))),
        rng.normal(0, 0.7 * TUNING, (count, shapes)),
        rng.normal(0, 0.6 * TUNING, (count, sizes)),
        rng.normal(0, 0.4 * TUNING, (count, shapes, sizes)),
    )


def _next_day(rng: np.random.Generator, before: _Population) -> _Population:
    """Drifted preferences, some new units, sort codes (and with them the rows) shuffled within electrodes."""
    fresh = _population(rng, len(before.units), before.forms)
    replaced = rng.random(len(before.units)) < DAY_REPLACED
    electrodes = np.array([unit.electrode for unit in before.units])
    order = np.lexsort((rng.random(len(electrodes)), electrodes))

    def mixed(old, new):
        drifted = math.sqrt(1 - DAY_DRIFT**2) * old + DAY_DRIFT * new
        return np.where(replaced.reshape(-1, *[1] * (old.ndim - 1)), new, drifted)[order]

    return replace(
        before,
        log_rate=np.where(replaced, fresh.log_rate, before.log_rate)[order],
        phase_response=mixed(before.phase_response, fresh.phase_response),
        shape_tuning=mixed(before.shape_tuning, fresh.shape_tuning),
        size_tuning=mixed(before.size_tuning, fresh.size_tuning),
        object_tuning=mixed(before.object_tuning, fresh.object_tuning),
    )


def _session(rng, population: _Population, object_ids: list[int], count: int, name: str) -> Session:
    blocks = [rng.permutation(object_ids) for _ in range(-(-count // len(object_ids)))]
    trials, clock_s = [], 5.0
    for index, object_id in enumerate(np.concatenate(blocks)[:count].tolist()):
        trial, clock_s = _trial(rng, population, index, object_id, clock_s)
        trials.append(trial)
    return Session(name, population.units, tuple(trials))


def _trial(rng, population: _Population, index: int, object_id: int, start_s: float) -> tuple[Trial, float]:
    medians, spreads = np.array(list(PHASES.values())).T
    durations = medians + spreads * np.clip(rng.standard_normal(len(medians)), -2.5, 2.5)
    starts = start_s + MARGIN_S + np.append(0, np.cumsum(durations))
    stop_s = starts[-1] + MARGIN_S
    steps = start_s + _STEP_S * np.arange(math.ceil((stop_s - start_s) / _STEP_S))
    phase = np.clip(np.searchsorted(starts, steps, side='right') - 1, 0, len(PHASES) - 1)
    log_rate = _smooth(_log_rate(population, object_id)[:, phase]) + TRIAL_GAIN * rng.standard_normal()
    counts = rng.poisson(_STEP_S * np.exp(log_rate))
    unit, step = np.nonzero(counts)
    repeats = counts[unit, step]
    seconds = np.repeat(steps[step], repeats) + _STEP_S * rng.random(repeats.sum())
    inside = (seconds > start_s + MARGIN_S / 2) & (seconds < stop_s - MARGIN_S / 2)
    # As recorded sessions have them: float32 seconds of the session's clock.
    times = to_ns(seconds[inside].astype(np.float32))
    units = np.repeat(unit, repeats)[inside].astype(np.uint16)
    order = np.lexsort((units, times))
    events = dict(zip((*PHASES, 'End'), to_ns(starts).tolist()))
    trial = Trial(
        index,
        int(to_ns(start_s)),
        int(to_ns(stop_s)),
        events,
        object_id,
        bool(rng.random() >= WRONG_TRIALS),
        times[order],
        units[order],
    )
    return trial, stop_s + PAUSE_S


def _log_rate(population: _Population, object_id: int) -> np.ndarray:
    """Log-rate of every unit in every phase, (units, phases), with the mean rate kept."""
    shape, size = population.forms.place(object_id)
    preference = (
        population.shape_tuning[:, shape] + population.size_tuning[:, size] + population.object_tuning[:, shape, size]
    )
    course = np.array([[TUNING_COURSE[area].get(phase, 0.0) for phase in PHASES] for area in AREAS])
    course = course[[AREAS.index(unit.area) for unit in population.units]]
    modulation = population.phase_response + course * preference[:, None]
    spread = PHASE_RESPONSE**2 + TUNING**2 * course**2
    return population.log_rate[:, None] + modulation - spread / 2


def _smooth(log_rate: np.ndarray) -> np.ndarray:
    """Rates follow a change of phase within `_RISE_S`, causally."""
    kernel = np.exp(-np.arange(0, 5 * _RISE_S, _STEP_S) / _RISE_S)
    kernel /= kernel.sum()
    padded = np.concatenate([np.repeat(log_rate[:, :1], len(kernel) - 1, axis=1), log_rate], axis=1)
    silent = ~np.isfinite(padded[:, 0])
    padded[silent] = 0
    smooth = np.lib.stride_tricks.sliding_window_view(padded, len(kernel), axis=1) @ kernel[::-1]
    smooth[silent] = -np.inf
    return smooth

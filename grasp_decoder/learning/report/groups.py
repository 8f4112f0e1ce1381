# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Scores of several sessions by animal and over all of them."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

import numpy as np


def animal_of(session: str) -> str:
    """The animal of a session: the first letter of its name if that is a capital (MRec40: M), else the whole name."""
    match = re.match(r'[A-Z]', session)
    return match.group() if match else session


def grouped(sessions: Sequence[tuple[str, dict]]) -> list[tuple[str, dict]]:
    """(label, scores) by animal and over all sessions: the mean of the sessions' scores.

    Sessions are independent, so the half-width of a mean's 95 % interval is the root of the sum of squares over n.
    """
    animals: dict[str, list[dict]] = {}
    for name, scores in sessions:
        animals.setdefault(animal_of(name), []).append(scores)
    rows = [(f'animal {animal}', _mean(members)) for animal, members in animals.items()]
    return [*rows, ('global', _mean([scores for _, scores in sessions]))]


def _mean(members: Sequence[dict]) -> dict:
    """Mean of all numbers that all members have, tables left out."""
    mean: dict = {}
    for key in members[0]:
        values = [member.get(key) for member in members]
        if all(isinstance(value, dict) for value in values):
            mean[key] = _mean(values)
        elif all(isinstance(value, (int, float)) for value in values):
            mean[key] = float(np.mean(values))
    for key in [key for key in members[0] if key.endswith('ci95')]:
        centre = mean.get({'ci95': 'r2' if 'r2' in mean else 'accuracy'}.get(key, _scored_by(key)))
        bounds = [member[key] for member in members if member.get(key)]
        if centre is not None and len(bounds) == len(members):
            half = math.sqrt(sum(((high - low) / 2) ** 2 for low, high in bounds)) / len(bounds)
            mean[key] = [centre - half, centre + half]
    return mean


def _scored_by(interval: str) -> str:
    """The score that an interval belongs to: ``relaxed_ci95`` -> ``relaxed_accuracy``, ``f1_ci95`` -> ``f1``."""
    stem = interval.removesuffix('_ci95')
    return stem if stem == 'f1' else f'{stem}_accuracy'

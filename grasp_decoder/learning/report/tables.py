# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""What the tables of a report are made of: cells, and the rows of the decoder and its baselines."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from grasp_decoder.objects import ObjectCatalogue

BASELINES = {
    'seed_bilstm': "the paper's BiLSTM",
    'lda_blocks': 'LDA of three blocks of two bins',
    'sequential_bayes': 'sequential Bayes on the Fisher read-in',
    'lda': 'LDA of square-root counts',
    'naive_bayes': 'Poisson naive Bayes',
    'lda_fixed_window': 'LDA, one fixed window around Hold, offline',
    'naive_bayes_leave_one_out': 'naive Bayes, whole hold phase, leave-one-out',
}
"""Key in metrics.json -> what it is."""


@dataclass(frozen=True)
class Table:
    """A table of a page.

    Attributes:
        header: a cell per column.
        rows: cells, row by row.
        own: index of the row that stands out; None for none.
    """

    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    own: int | None = None


def decoder_and_baselines(scores: dict) -> list[tuple[str, dict]]:
    """(name, scores) of the decoder and of every baseline, as the report lists them."""
    found = scores.get('baselines', {})
    return [
        ('this decoder', scores['object']),
        *((label, found[name]) for name, label in BASELINES.items() if name in found),
    ]


def object_names(objects: ObjectCatalogue, object_ids: Iterable[int]) -> list[str]:
    """What a table or an axis of objects calls each: its label, of which "object" need not be said again."""
    return [objects.find(object_id).label.removeprefix('object ') for object_id in object_ids]


def percent(value: float | None, interval: Sequence[float] | None = None) -> str:
    """A share as '84.1 % (81.0 to 87.2)'; a dash when there is none."""
    if value is None:
        return '–'
    text = f'{100 * value:.1f} %'
    return text if interval is None else f'{text} ({100 * interval[0]:.1f} to {100 * interval[1]:.1f})'


def percent_range(interval: Sequence[float]) -> str:
    """An interval as '81.0 to 87.2 %'."""
    return f'{100 * interval[0]:.1f} to {100 * interval[1]:.1f} %'


def number(value: float | None, digits: int = 2, interval: Sequence[float] | None = None) -> str:
    """A number with its interval; a dash when there is none."""
    if value is None:
        return '–'
    text = f'{value:.{digits}f}'
    return text if interval is None else f'{text} ({interval[0]:.{digits}f} to {interval[1]:.{digits}f})'

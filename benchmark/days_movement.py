# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Movement on another day: velocity of real reaches, of two recordings of one animal with other units.

The earlier day gives its movements, and how its units followed them (`movement_library`). With some seconds of labelled
data of the new day, or with none, it is compared with ridge regression on the same data, in repeated splits by trial.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import matplotlib.pyplot as plt
import numpy as np
from scipy.io import loadmat

from benchmark.material import recording
from benchmark.movement_library import MovementLibrary, Reach
from benchmark.results import markdown_table, parsed_with_json, print_table, write_results, write_section
from grasp_decoder.cli.command_line import exit_status
from grasp_decoder.learning.report.tables import number
from grasp_decoder.safe_file import write_json

RIDGE, LABELLED, UNLABELLED = 'ridge', 'adapted', 'aligned'
MEANING = {
    RIDGE: 'ridge regression on the labelled data',
    LABELLED: 'movements of the earlier day, and the labelled data',
    UNLABELLED: 'movements of the earlier day, no labels',
}
NAMES = {**MEANING, 'gain': 'gain of the labelled data over ridge regression'}
HISTORIES, PENALTIES = (1, 2, 3, 4), (10.0, 30.0, 100.0, 300.0, 1000.0)
"""Bins and penalties that ridge regression chooses from, by cross-validation on the labelled data."""

FOLDS = 5
TEST_SHARE = 0.5
FEWEST_BINS = 5
"""Of a trial; shorter ones were cut off."""

RESAMPLES = 2000


@dataclass(frozen=True)
class Pair:
    """A file with two recordings of one animal.

    Attributes:
        file: in the folder of recordings.
        rows: of labelled data.
        what: so much that is.
        count: value of a row and unit for one spike.
        jump: a change of velocity between two rows, cm/s, above which another trial begins.
        merged: rows that make one bin.
    """

    file: str
    rows: int
    what: str
    count: float
    jump: float
    merged: int


PAIRS = {
    'mihi': Pair('mihi_demo.mat', 300, '60 s', 5.0, np.inf, 1),  # 200 ms a row
    'chewie': Pair('chewie_demo.mat', 600, '600 rows, whose length is not in the file', 1.0, 5.0, 4),
}


def main(argv=None) -> int:
    return exit_status(_days, argv)


def _days(argv) -> int:
    parser = argparse.ArgumentParser(prog='days_movement', description=__doc__.split('\n')[0])
    parser.add_argument('--repeats', type=int, default=5, metavar='N', help='splits (default: %(default)s)')
    arguments = parsed_with_json(parser, argv)
    result = {'date': time.strftime('%Y-%m-%d'), 'repeats': arguments.repeats}
    for name, pair in PAIRS.items():
        earlier, today = read_pair(pair)
        result[name] = compare(earlier, today, pair.rows // pair.merged, range(arguments.repeats))
        print(f'R2 of velocity, {name}, {pair.what} of the new day')
        print_table(
            ('decoder', 'R2', '95 %'),
            [(NAMES[key], f'{each["r2"]:.3f}', _interval(each)) for key, each in result[name].items()],
        )
    if arguments.json:
        write_json(arguments.json, result)
    write_results('days_movement', result, _figure(result))
    write_section('across_days.md', 'movement', _lines(result))
    return 0


def read_pair(pair: Pair) -> tuple[list[Reach], list[Reach]]:
    """Trials of the earlier recording and of the later one."""
    arrays = loadmat(recording(pair.file))
    return tuple(
        _reaches(*(arrays[name + part] for name in 'XYT'), pair)  # type: ignore[return-value]
        for part in ('tr', 'te')
    )


def _reaches(velocity: np.ndarray, counts: np.ndarray, target: np.ndarray, pair: Pair) -> list[Reach]:
    target = target.ravel().astype(int)
    jumps = np.linalg.norm(np.diff(velocity, axis=0), axis=1) > pair.jump
    cuts = np.flatnonzero((np.diff(target) != 0) | jumps) + 1
    counts, reaches = np.round(counts / pair.count), []
    for rows in np.split(np.arange(len(target)), cuts):
        bins = rows[: len(rows) // pair.merged * pair.merged].reshape(-1, pair.merged)
        if len(bins) >= FEWEST_BINS:
            roots = np.sqrt(counts[bins].sum(axis=1))
            reaches.append(Reach(velocity[bins].mean(axis=1), roots, int(target[rows[0]])))
    return reaches


def compare(earlier: Sequence[Reach], today: Sequence[Reach], rows: int, states: Sequence[int]) -> dict[str, dict]:
    """R2 of each decoder on the test trials of all splits, with 95 % intervals over trials."""
    found: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {name: [] for name in MEANING}
    splits: dict[str, list[float]] = {name: [] for name in MEANING}
    for state in states:
        order = [today[index] for index in np.random.default_rng(state).permutation(len(today))]
        n_test = round(TEST_SHARE * len(order))
        test, known = order[:n_test], order[n_test:]
        few = first_rows(known, rows)
        library, both = MovementLibrary(earlier), MovementLibrary([*earlier, *few])
        decoders: dict[str, Callable[[np.ndarray], np.ndarray]] = {
            RIDGE: best_ridge(few),
            LABELLED: partial(both.decode, both.encode(few)),
            UNLABELLED: partial(
                library.decode_guesses, library.align([each.roots for each in known], library.encode(earlier))
            ),
        }
        for name, decode in decoders.items():
            pairs = [(each.velocity, decode(each.roots)) for each in test]
            splits[name].append(r2(pairs))
            found[name] += pairs
    return {
        name: {'r2': float(np.mean(splits[name])), 'ci95': _resampled(found[name]), 'of_repeats': splits[name]}
        for name in MEANING
    } | {'gain': _gain(found[LABELLED], found[RIDGE])}


def first_rows(trials: Sequence[Reach], rows: int) -> list[Reach]:
    """The first trials, until they have so many rows."""
    ends = np.cumsum([len(each.velocity) for each in trials])
    return list(trials[: int(np.searchsorted(ends, rows)) + 1])


def best_ridge(trials: Sequence[Reach]) -> Callable[[np.ndarray], np.ndarray]:
    """Ridge regression on the last bins, with what cross-validation over trials chooses."""

    def score(history: int, penalty: float) -> float:
        pairs = []
        for fold in range(FOLDS):
            decode = _ridge([each for index, each in enumerate(trials) if index % FOLDS != fold], history, penalty)
            pairs += [(each.velocity, decode(each.roots)) for each in trials[fold::FOLDS]]
        return r2(pairs)

    choices = [(history, penalty) for history in HISTORIES for penalty in PENALTIES]
    return _ridge(trials, *max(choices, key=lambda each: score(*each)))


def _ridge(trials: Sequence[Reach], history: int, penalty: float) -> Callable[[np.ndarray], np.ndarray]:
    rows = np.concatenate([_history(each.roots, history) for each in trials])
    target = np.concatenate([each.velocity for each in trials])
    mean, centre = rows.mean(axis=0), target.mean(axis=0)
    rows = rows - mean
    weights = np.linalg.solve(rows.T @ rows + penalty * np.eye(rows.shape[1]), rows.T @ (target - centre))
    return lambda roots: (_history(roots, history) - mean) @ weights + centre


def _history(roots: np.ndarray, history: int) -> np.ndarray:
    padded = np.pad(roots, ((history - 1, 0), (0, 0)))
    return np.concatenate([padded[lag : lag + len(roots)] for lag in range(history)], axis=1)


def r2(pairs: Sequence[tuple[np.ndarray, np.ndarray]]) -> float:
    """Of velocity and decoded velocity (n_bins, 2) of trials, over both directions together."""
    truth, decoded = (np.concatenate(each) for each in zip(*pairs))
    return float(1 - np.square(truth - decoded).sum() / np.square(truth - truth.mean(axis=0)).sum())


def _resampled(*pairs: Sequence[tuple[np.ndarray, np.ndarray]]) -> list[float]:
    """95 % interval over trials of the R2 of the first, or of its difference to the second."""
    truth = [each for each, _ in pairs[0]]
    _, trial = np.unique([id(each) for each in truth], return_inverse=True)  # one may be tested in several splits

    def by_trial(values: list) -> np.ndarray:
        sums = np.zeros((trial.max() + 1, *np.shape(values[0])))
        np.add.at(sums, trial, np.array(values))
        return sums

    n, total, squares = map(by_trial, zip(*[(len(x), x.sum(axis=0), np.square(x).sum()) for x in truth]))
    lost = [by_trial([np.square(x - decoded).sum() for x, decoded in each]) for each in pairs]
    drawn = np.random.default_rng(0).integers(0, len(n), (RESAMPLES, len(n)))
    spread = squares[drawn].sum(axis=1) - np.square(total[drawn].sum(axis=1)).sum(axis=1) / n[drawn].sum(axis=1)
    scores = 1 - lost[0][drawn].sum(axis=1) / spread
    if len(lost) > 1:
        scores -= 1 - lost[1][drawn].sum(axis=1) / spread
    return np.percentile(scores, [2.5, 97.5]).tolist()


def _gain(found: list, rival: list) -> dict:
    return {'r2': r2(found) - r2(rival), 'ci95': _resampled(found, rival)}


def _interval(score: dict) -> str:
    return ' to '.join(f'{bound:.3f}' for bound in score['ci95'])


def _lines(result: dict) -> list[str]:
    header = ('R2 of velocity', *(f'{name}, {pair.what}' for name, pair in PAIRS.items()))
    rows = [
        (meaning, *(number(result[name][key]['r2'], 3, result[name][key]['ci95']) for name in PAIRS))
        for key, meaning in NAMES.items()
    ]
    return [
        f'Written by `./run bench days_movement` on {result["date"]}: test trials of {result["repeats"]} splits of the '
        'second recording, with 95 % intervals over trials.',
        '',
        *markdown_table(header, rows),
    ]


def _figure(result: dict):
    figure, axes = plt.subplots(figsize=(6, 2.6))
    for shift, name in enumerate(PAIRS):
        for y, each in enumerate(result[name][key] for key in MEANING):
            axes.plot(each['ci95'], [y + shift / 5] * 2, color=f'C{shift}')
            axes.plot(each['r2'], y + shift / 5, 'o', color=f'C{shift}', label=name if y == 0 else None)
    axes.set_yticks(range(len(MEANING)), list(MEANING.values()))
    axes.invert_yaxis()
    axes.set_xlabel('R2 of velocity')
    axes.legend()
    return figure


if __name__ == '__main__':
    raise SystemExit(main())

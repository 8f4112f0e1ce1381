# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""What a decoder does with an input that is not as it was in training: dead units, other rates, another order, bursts.

Every row plays the same trials through the int8 decoder and the controller, in simulated time. Where units are drawn,
there are ten draws, and the row is the worst of them. With several bundles, of several splits of a session, it is the
mean of theirs. What was measured elsewhere is put together by ``--merge``.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
from tqdm import tqdm

from benchmark.controlled import add_played_arguments, run_controlled, summarize, trials_to_play
from benchmark.results import (
    markdown_table,
    parsed_with_json,
    read_results,
    write_results,
    write_section,
)
from grasp_decoder.bundle.bundle import Bundle, load_bundle
from grasp_decoder.cli.command_line import exit_status
from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.learning.evaluation.intervals import interval
from grasp_decoder.learning.report.tables import number, percent
from grasp_decoder.recording.playback import without_beginning
from grasp_decoder.recording.reading import read_session
from grasp_decoder.recording.session import Session, Trial
from grasp_decoder.safe_file import write_json
from grasp_decoder.types.time import NS_PER_S

DRAWS = 10
BURST_EVERY_S = 5.0
BURST_NS = 100_000_000
BURST_HZ = 100.0

MEASURES = (
    'object_accuracy',
    'phase_f1',
    'confidence',
    'refused',
    'closings_per_minute',
    'closes_rightly',
    'alarms_per_minute',
)

Perturbation = Callable[[Trial, int, np.random.Generator], Trial | None]
"""A trial, the number of units and a generator (the same for every trial of a draw) -> the trial as it is played; None
when nothing is left of it."""


def main(argv=None) -> int:
    return exit_status(_perturb, argv)


def _perturb(argv) -> int:
    parser = argparse.ArgumentParser(prog='perturb', description=__doc__.split('\n')[0])
    add_played_arguments(parser)
    parser.add_argument('--draws', type=int, default=DRAWS, metavar='N', help='draws of units (default: %(default)s)')
    parser.add_argument('--every-unit', action='store_true', help='also silence every single unit in turn')
    arguments = parsed_with_json(parser, argv)
    if arguments.merge:
        measured = read_results(arguments.merge)
        runs = [run for each in measured for run in each['runs']]
        session_name, split = measured[0]['session'], measured[0]['split']
    elif arguments.bundle and arguments.session:
        session, split = read_session(arguments.session, arguments.map), arguments.split
        session_name = session.name
        runs = []
        for path in arguments.bundle:
            bundle = load_bundle(path)
            bundle.require_unit_count(session.unit_count, str(arguments.session))
            trials = perturbed_trials(session, bundle, split)
            for piece in tqdm(list(pieces(session.unit_count, arguments.draws, arguments.every_unit)), unit='run'):
                runs.append(measure(session, bundle, trials, *piece))
    else:
        raise GraspDecoderError('give --bundle and --session, or --merge')
    result = {'session': session_name, 'split': split, **summary(runs)}
    lines = _lines(result)
    print('\n'.join(lines))
    if arguments.json:
        write_json(arguments.json, result | {'runs': runs})
    if split == 'test':
        write_section('perturbed_input.md', f'perturbations of {session_name}', lines)
    write_results('perturb', result, _figure(result['rows']))
    return 0


def perturbed_trials(session: Session, bundle: Bundle, split: str) -> list[Trial]:
    """Those trials of a split that can be scored."""
    return [trial for trial in trials_to_play(session, bundle, split) if session.is_usable(trial)]


def measure(
    session: Session, bundle: Bundle, trials: Sequence[Trial], name: str, draw: int, perturbation: Perturbation
) -> dict:
    """Play the trials once, perturbed, and say what came of it, and how many bins of each hold were right."""
    # Of a draw, the same units are dead in every trial.
    changed = [perturbation(trial, session.unit_count, np.random.default_rng([7, draw])) for trial in trials]
    classes = bundle.manifest.classes
    played = run_controlled(session, bundle, [trial for trial in changed if trial is not None])
    row = {key: value if np.isfinite(value) else None for key, value in summarize(played, classes).items()}
    return {
        'bundle': bundle.id,
        'row': name,
        'draw': draw,
        **row,
        'hold_bins': {each.trial.id: each.right_bins for each in played if each.truth.object_id in classes},
    }


def pieces(units: int, draws: int, every_unit: bool) -> Iterator[tuple[str, int, Perturbation]]:
    """Name of the row, number of the draw, perturbation."""
    fixed: dict[str, Perturbation] = {
        'natural': lambda trial, units, rng: trial,
        'rates_half': lambda trial, units, rng: _resampled(trial, 0.5, _of_trial(trial)),
        'rates_1.5': lambda trial, units, rng: _resampled(trial, 1.5, _of_trial(trial)),
        'rates_5': lambda trial, units, rng: _resampled(trial, 5.0, _of_trial(trial)),
        'late_1s': lambda trial, units, rng: _late(trial, 1.0),
        'late_2s': lambda trial, units, rng: _late(trial, 2.0),
        'silent': lambda trial, units, rng: _keep(trial, np.zeros(len(trial.units), bool)),
        'bursts': lambda trial, units, rng: _with_bursts(trial, units, _of_trial(trial)),
    }
    yield from ((name, 0, perturbation) for name, perturbation in fixed.items())
    for draw in range(draws):
        yield 'dead_20', draw, lambda trial, units, rng: _without_units(trial, units, 0.2, rng)
        yield 'dead_50', draw, lambda trial, units, rng: _without_units(trial, units, 0.5, rng)
        yield 'permuted', draw, lambda trial, units, rng: replace(trial, units=rng.permutation(units)[trial.units])
    if every_unit:
        for unit in range(units):
            yield 'dead_1', unit, lambda trial, units, rng, unit=unit: _keep(trial, trial.units != unit)


def _of_trial(trial: Trial) -> np.random.Generator:
    return np.random.default_rng([11, trial.id])


def _keep(trial: Trial, kept: np.ndarray) -> Trial:
    return replace(trial, times_ns=trial.times_ns[kept], units=trial.units[kept])


def _without_units(trial: Trial, units: int, share: float, rng: np.random.Generator) -> Trial:
    dead = rng.choice(units, round(share * units), replace=False)
    return _keep(trial, ~np.isin(trial.units, dead))


def _resampled(trial: Trial, factor: float, rng: np.random.Generator) -> Trial:
    """Every spike so many times on average; copies are moved by up to 10 ms, as those of another neuron would be."""
    copies = int(factor) + (rng.random(len(trial.units)) < factor % 1)
    times, units = np.repeat(trial.times_ns, copies), np.repeat(trial.units, copies)
    again = np.ones(len(times), bool)
    again[np.cumsum(copies)[copies > 0] - copies[copies > 0]] = False
    times = times + again * rng.integers(-10_000_000, 10_000_000, len(times))
    return _sorted(trial, np.clip(times, trial.start_ns, trial.stop_ns - 1), units)


def _with_bursts(trial: Trial, units: int, rng: np.random.Generator) -> Trial:
    count = rng.poisson((trial.stop_ns - trial.start_ns) / NS_PER_S / BURST_EVERY_S)
    spikes = round(units * BURST_HZ * BURST_NS / NS_PER_S)
    starts = rng.integers(trial.start_ns, max(trial.start_ns + 1, trial.stop_ns - BURST_NS), count)
    times = (starts[:, None] + rng.integers(0, BURST_NS, (count, spikes))).ravel()
    more = rng.integers(0, units, len(times)).astype(trial.units.dtype)
    return _sorted(trial, np.concatenate([trial.times_ns, times]), np.concatenate([trial.units, more]))


def _sorted(trial: Trial, times: np.ndarray, units: np.ndarray) -> Trial:
    order = np.lexsort((units, times))
    return replace(trial, times_ns=times[order], units=units[order])


def _late(trial: Trial, seconds: float) -> Trial | None:
    """The trial without its beginning; None when nothing is left of it before its hold phase."""
    late_ns = round(seconds * NS_PER_S)
    if trial.start_ns + late_ns >= trial.events['Hold']:
        return None
    late = without_beginning(trial, late_ns)
    # Who comes after the go may still close.
    gone = {'Go': late.start_ns} if 'Go' in trial.events and 'Go' not in late.events else {}
    return replace(late, events={**gone, **late.events})


def summary(runs: Sequence[dict]) -> dict:
    """Rows of runs: the mean over bundles of each one's worst draw, and what is lost against natural trials.

    ``lost`` is the mean over draws and bundles of the share of the bins in hold whose object is no longer right, of the
    trials that are played, with a 95 % interval over trials; ``worst_lost`` is that of the worst draw.
    """
    bundles = list(dict.fromkeys(run['bundle'] for run in runs))
    natural = {run['bundle']: run for run in runs if run['row'] == 'natural'}
    rows = {}
    for name in dict.fromkeys(run['row'] for run in runs):
        of_bundles = [[run for run in runs if (run['row'], run['bundle']) == (name, bundle)] for bundle in bundles]
        of_bundles = [found for found in of_bundles if found]
        worst = [_worst(found) for found in of_bundles]
        losses = [_lost_bins(natural[run['bundle']], run) for found in of_bundles for run in found]
        rows[name] = {
            **{key: _mean(run[key] for run in worst) for key in MEASURES},
            'draws': max(map(len, of_bundles)),
            'lost': _share(np.concatenate(losses)),
            'lost_ci95': _interval(losses),
            'worst_lost': max((_share(each) for each in losses if len(each)), default=None),
        }
    trials = sorted({len(run['hold_bins']) for run in natural.values()})
    return {'bundle': bundles[0], 'bundles': bundles, 'trials': sum(trials) / len(trials), 'rows': rows}


def _lost_bins(natural: dict, run: dict) -> np.ndarray:
    """For each trial that was played: right bins lost, and bins, (trials, 3) with the id of the trial."""
    rows = []
    for trial, (right, bins) in run['hold_bins'].items():
        usual, _ = natural['hold_bins'][trial]
        rows.append((int(trial), usual - right, bins))
    return np.array(rows, int).reshape(-1, 3)


def _share(lost: np.ndarray) -> float | None:
    return float(lost[:, 1].sum() / lost[:, 2].sum()) if len(lost) else None


def _interval(losses: Sequence[np.ndarray]) -> list[float] | None:
    lost = np.concatenate(losses)
    return interval(lost[:, 1:], lost[:, 0], lambda total: total[..., 0] / total[..., 1]) if len(lost) else None


def _mean(values) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None


def _worst(draws: Sequence[dict]) -> dict:
    """The draw in which the fewest bins are right or refused."""
    return min(draws, key=lambda run: max(run['object_accuracy'] or 0.0, run['refused'] or 0.0))


def _lines(result: dict) -> list[str]:
    """The result as markdown."""
    rows = []
    for name, row in result['rows'].items():
        lost = '' if name == 'natural' or row['lost'] is None else _points(row)
        rows.append(
            (
                f'{name}, worst of {row["draws"]}' if row['draws'] > 1 else name,
                *(percent(row[key]) for key in ('object_accuracy', 'phase_f1', 'confidence', 'refused')),
                number(row['closings_per_minute']),
                percent(row['closes_rightly']),
                lost,
            )
        )
    splits = len(result['bundles'])
    header = (
        f'{result["session"]}, {result["trials"]:.0f} {result["split"]} trials' + f' of {splits} splits' * (splits > 1),
        'object',
        'phase F1',
        'confidence',
        'refused',
        'closings',
        'closes rightly',
        'points lost',
    )
    alarms = number(result['rows']['natural']['alarms_per_minute'])
    return [
        *markdown_table(header, rows),
        '',
        f'Of the trials as recorded, a valid input was taken for an invalid one {alarms} times a minute.',
    ]


def _points(row: dict) -> str:
    low, high = row['lost_ci95']
    text = f'{100 * row["lost"]:.1f} ({100 * low:.1f} to {100 * high:.1f})'
    return text if row['draws'] == 1 else f'{text}, at most {100 * row["worst_lost"]:.1f}'


def _figure(rows: dict):
    figure, axes = plt.subplots(figsize=(9, 3.6))
    names = list(rows)
    axes.bar(
        names,
        [100 * (rows[name]['object_accuracy'] or 0) for name in names],
        color='#1f5fa8',
        width=0.55,
        label='object right in hold',
    )
    axes.plot(names, [100 * (rows[name]['refused'] or 0) for name in names], 'o', color='#d9822b', label='refused')
    axes.plot(
        names,
        [100 * (rows[name]['confidence'] or 0) for name in names],
        '_',
        color='0.2',
        markersize=24,
        label='mean confidence',
    )
    axes.set(ylabel='% of bins', ylim=(0, 103), title='Inputs that are not as in training (worst draw)')
    axes.tick_params(axis='x', labelrotation=25)
    axes.legend(loc='lower right', ncols=3)
    return figure


if __name__ == '__main__':
    raise SystemExit(main())

"""What a decoder does with an input that is not as it was in training: dead units, other rates, another order, bursts.

Every row plays the same trials through the int8 decoder and the controller, in simulated time. Where units are drawn,
there are ten draws, and the row is the worst of them.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from tqdm import tqdm

from benchmark.controlled import run_controlled, summarize
from benchmark.results import markdown_table, write_results, write_section
from grasp_decoder.bundle.bundle import load_bundle
from grasp_decoder.cli.command_line import exit_status
from grasp_decoder.recording.playback import without_beginning
from grasp_decoder.recording.reading import read_session
from grasp_decoder.recording.session import Trial
from grasp_decoder.recording.writing import check_writable
from grasp_decoder.safe_file import write_json
from grasp_decoder.system.replay_options import SPLITS
from grasp_decoder.system.selection import select_trials
from grasp_decoder.types.time import NS_PER_S

DRAWS = 10
BURST_EVERY_S = 5.0
BURST_NS = 100_000_000
BURST_HZ = 100.0

Perturbation = Callable[[Trial, int, np.random.Generator], Trial]
"""A trial, the number of units and a generator (the same for every trial of a draw) -> the trial as it is played."""


def main(argv=None) -> int:
    return exit_status(_perturb, argv)


def _perturb(argv) -> int:
    parser = argparse.ArgumentParser(prog='perturb', description=__doc__.split('\n')[0])
    parser.add_argument('--bundle', required=True, type=Path, help='bundle that train has written')
    parser.add_argument('--session', required=True, type=Path, help='recording to play')
    parser.add_argument('--split', default='test', choices=SPLITS, help='which trials (default: %(default)s)')
    parser.add_argument('--map', type=Path, metavar='FILE', help='YAML that names the events and annotations')
    parser.add_argument('--draws', type=int, default=DRAWS, help='draws of units (default: %(default)s)')
    parser.add_argument('--every-unit', action='store_true', help='also silence every single unit in turn')
    parser.add_argument('--json', type=Path, metavar='OUT', help='where the result goes besides bench/perturb')
    arguments = parser.parse_args(argv)
    if arguments.json:
        check_writable(arguments.json)
    session, bundle = read_session(arguments.session, arguments.map), load_bundle(arguments.bundle)
    bundle.require_unit_count(session.unit_count, str(arguments.session))
    trials = [t for t in select_trials(session, bundle.manifest, arguments.split) if session.is_usable(t)]
    pieces = list(_pieces(session.unit_count, arguments.draws, arguments.every_unit))
    draws: dict[str, list[dict]] = {}
    for name, draw, perturbation in tqdm(pieces, unit='run'):
        changed = [perturbation(trial, session.unit_count, _generator(draw)) for trial in trials]
        row = summarize(run_controlled(session, bundle, [t for t in changed if t is not None]), bundle.manifest.classes)
        draws.setdefault(name, []).append(row)
    rows = {name: _worst(found) | {'draws': len(found)} for name, found in draws.items()}
    result = {'session': session.name, 'bundle': bundle.id, 'split': arguments.split, 'trials': len(trials)}
    result['rows'] = {name: {key: _finite(value) for key, value in row.items()} for name, row in rows.items()}
    lines = _lines(result)
    print('\n'.join(lines))
    if arguments.json:
        write_json(arguments.json, result)
    write_section('decoding.md', f'perturbations of {session.name}', lines)
    write_results('perturb', result, _figure(rows))
    return 0


def _generator(draw: int) -> np.random.Generator:
    return np.random.default_rng([7, draw])


def _pieces(units: int, draws: int, every_unit: bool) -> Iterator[tuple[str, int, Perturbation]]:
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
    return without_beginning(trial, late_ns) if trial.start_ns + late_ns < trial.events['Hold'] else None


def _worst(draws: Sequence[dict]) -> dict:
    """The draw in which the fewest bins are right or refused."""
    return min(draws, key=lambda row: max(_finite(row['object_accuracy']) or 0.0, row['refused']))


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None


def _lines(result: dict) -> list[str]:
    """The result as markdown."""
    shares = ('object_accuracy', 'phase_f1', 'confidence', 'refused')
    rows = []
    for name, row in result['rows'].items():
        cells = ['-' if row[key] is None else f'{100 * row[key]:.1f} %' for key in shares]
        closings = '-' if row['closings_per_minute'] is None else f'{row["closings_per_minute"]:.2f}'
        rows.append((f'{name}, worst of {row["draws"]}' if row['draws'] > 1 else name, *cells, closings))
    header = (
        f'{result["session"]}, {result["trials"]} trials',
        'object',
        'phase F1',
        'confidence',
        'refused',
        'closings',
    )
    return markdown_table(header, rows)


def _figure(rows: dict):
    figure, axes = plt.subplots(figsize=(9, 3.6))
    names = list(rows)
    accuracy = [100 * (_finite(rows[name]['object_accuracy']) or 0) for name in names]
    axes.bar(names, accuracy, color='#1f5fa8', width=0.55, label='object right in hold')
    axes.plot(names, [100 * rows[name]['refused'] for name in names], 'o', color='#d9822b', label='refused')
    axes.plot(
        names,
        [100 * (_finite(rows[name]['confidence']) or 0) for name in names],
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

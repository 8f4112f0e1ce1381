# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""A session as life is: one endless segment with rest of any length, holds that last, and trials without a grasp.

Decoder and controller run in simulated time. What is asked: does the hand stay open while nothing is grasped, does the
decoder say GRASP for as long as a hold lasts, and when does it say so and let go?
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import matplotlib.pyplot as plt
import numpy as np

from benchmark.controlled import ControlledTrial, add_played_arguments, run_controlled, trials_to_play
from benchmark.results import (
    markdown_table,
    parsed_with_json,
    print_table,
    read_results,
    write_results,
    write_section,
)
from grasp_decoder.bundle.bundle import Bundle, load_bundle
from grasp_decoder.cli.command_line import exit_status
from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.learning.report.tables import number, percent
from grasp_decoder.recording.reading import read_session
from grasp_decoder.recording.resting import RestingActivity
from grasp_decoder.recording.session import Session, Trial
from grasp_decoder.safe_file import write_json
from grasp_decoder.types.decoded_grasp import GRASP
from grasp_decoder.types.time import NS_PER_S

LONG_HOLD_NS = NS_PER_S
DEBOUNCE_BINS = 3


def main(argv=None) -> int:
    return exit_status(_rest, argv)


def _rest(argv) -> int:
    parser = argparse.ArgumentParser(prog='rest', description=__doc__.split('\n')[0])
    add_played_arguments(parser)
    parser.add_argument(
        '--most-rest-s',
        type=float,
        default=60.0,
        metavar='S',
        help='longest rest before a trial (default: %(default)s)',
    )
    arguments = parsed_with_json(parser, argv)
    if arguments.merge:
        runs = [run for each in read_results(arguments.merge) for run in each['runs']]
    elif arguments.bundle and arguments.session:
        session, runs = read_session(arguments.session, arguments.map), []
        for path in arguments.bundle:
            bundle = load_bundle(path)
            bundle.require_unit_count(session.unit_count, str(arguments.session))
            runs.append(measure(session, bundle, arguments.split, arguments.most_rest_s))
    else:
        raise GraspDecoderError('give --bundle and --session, or --merge')
    result = {key: mean_of([run[key] for run in runs]) for key in runs[0] if key != 'holds'} | {'runs': runs}
    print_table(('', 'value'), [(key, value) for key, value in result.items() if value is not None and key != 'runs'])
    if arguments.json:
        write_json(arguments.json, result)
    if result['split'] == 'test':
        write_section('between_trials.md', f'rest of {result["session"]}', _lines(result))
    write_results('rest', result, _figure(runs))
    return 0


def measure(session: Session, bundle: Bundle, split: str, most_rest_s: float) -> dict:
    """Play the trials of a split as one segment, and say what came of it."""
    trials = trials_to_play(session, bundle, split)
    run = run_controlled(session, bundle, [with_rest_between(session, trials, most_rest_s)])[0]
    by_trial = _by_trial(run, trials, most_rest_s)
    return {
        'session': session.name,
        'bundle': bundle.id,
        'split': split,
        'trials': len(trials),
        'minutes': (run.trial.stop_ns - run.trial.start_ns) / NS_PER_S / 60,
        **_scores(by_trial, bundle.manifest.bin_ns),
        'holds': _holds(by_trial),
    }


def mean_of(values: Sequence) -> Any:
    """The mean of what the runs of several bundles have; of a name, the first."""
    known = [value for value in values if value is not None]
    if not known or isinstance(known[0], str):
        return known[0] if known else None
    return float(np.mean(known)) if len(known) > 1 else known[0]


def _pauses(trials: Sequence[Trial], most_rest_s: float) -> list[int]:
    """Rest before every trial in ns, the same for the same trials."""
    rng = np.random.default_rng([5, len(trials)])
    return [round(seconds * NS_PER_S) for seconds in rng.uniform(0.0, most_rest_s, len(trials))]


def _placed(trials: Sequence[Trial], most_rest_s: float) -> list[Trial]:
    """The trials one after the other, with rest before each, from 0 on."""
    placed, now = [], 0
    for trial, pause in zip(trials, _pauses(trials, most_rest_s)):
        placed.append(trial.moved(now + pause - trial.start_ns))
        now = placed[-1].stop_ns
    return placed


def with_rest_between(session: Session, trials: Sequence[Trial], most_rest_s: float) -> Trial:
    """One long trial: all of ``trials`` with rest of up to so many seconds before each."""
    resting, now, times, units = RestingActivity(session.trials), 0, [], []
    for trial in _placed(trials, most_rest_s):
        rest_times, rest_units = resting.fill(now, trial.start_ns)
        times += [rest_times, trial.times_ns]
        units += [rest_units, trial.units]
        now = trial.stop_ns
    return Trial(0, 0, now, {}, -1, None, np.concatenate(times), np.concatenate(units))


def _by_trial(run: ControlledTrial, trials: Sequence[Trial], most_rest_s: float) -> list[ControlledTrial]:
    """The long trial cut again: each trial with the rest before it."""
    stamps = np.array([decode.stamp_ns for decode in run.decodes])
    pieces, start = [], 0
    for trial in _placed(trials, most_rest_s):
        first, last = np.searchsorted(stamps, [start, trial.stop_ns], side='right')
        whole = replace(trial, start_ns=start)
        pieces.append(
            ControlledTrial(whole, run.truth, run.right_grip, run.decodes[first:last], run.commands[first:last])
        )
        start = trial.stop_ns
    return pieces


def _scores(pieces: Sequence[ControlledTrial], bin_ns: int) -> dict[str, float | None]:
    idle_s = sum(each.idle_s for each in pieces)
    catch = [each for each in pieces if 'Go' not in each.trial.events and 'Hold' not in each.trial.events]
    held = [each for each in pieces if {'Hold', 'Rew'} <= each.trial.events.keys()]
    long_holds = [each for each in held if each.trial.events['Rew'] - each.trial.events['Hold'] >= LONG_HOLD_NS]
    grasp = [decode.phase == GRASP for each in long_holds for decode in _during_hold(each)]
    onsets, offsets = zip(*(_errors(each, bin_ns) for each in held)) if held else ((), ())
    return {
        'closings_per_minute': 60 * sum(each.closings for each in pieces) / idle_s if idle_s else None,
        'catch_trials': len(catch),
        'catch_closing_rate': float(np.mean([each.closings > 0 for each in catch])) if catch else None,
        'long_holds': len(long_holds),
        'long_hold_grasp_rate': float(np.mean(grasp)) if grasp else None,
        'onset_error_bins': _median(onsets),
        'release_error_bins': _median(offsets),
        'missed_grasps': sum(onset is None for onset in onsets),
    }


def _during_hold(each: ControlledTrial) -> list:
    hold, rew = each.trial.events['Hold'], each.trial.events['Rew']
    return [decode for decode in each.decodes if hold < decode.stamp_ns <= rew]


def _errors(each: ControlledTrial, bin_ns: int) -> tuple[float | None, float | None]:
    """Bins from Hold to GRASP, and from Rew to REST, each dated when it has lasted for `DEBOUNCE_BINS` bins."""
    hold, rew = each.trial.events['Hold'], each.trial.events['Rew']
    stamps = np.array([decode.stamp_ns for decode in each.decodes])
    phase = np.array([decode.phase for decode in each.decodes])
    onset = _lasting(phase == GRASP, stamps > each.trial.events.get('Go', hold) - NS_PER_S)
    release = _lasting(phase != GRASP, stamps > rew) if onset is not None else None
    return (
        None if onset is None else (stamps[onset] - hold) / bin_ns - DEBOUNCE_BINS,
        None if release is None else (stamps[release] - rew) / bin_ns - DEBOUNCE_BINS,
    )


def _lasting(condition: np.ndarray, counts: np.ndarray) -> int | None:
    """First bin at which the condition has held for `DEBOUNCE_BINS` bins in a row that count."""
    run = 0
    for index in np.flatnonzero(counts):
        run = run + 1 if condition[index] else 0
        if run == DEBOUNCE_BINS:
            return int(index)
    return None


def _median(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.median(known)) if known else None


def _holds(by_trial: Sequence[ControlledTrial]) -> list[tuple[float, float]]:
    """Length of every hold in s, and the share of its bins that are GRASP."""
    held = [each for each in by_trial if {'Hold', 'Rew'} <= each.trial.events.keys()]
    return [
        (
            (each.trial.events['Rew'] - each.trial.events['Hold']) / NS_PER_S,
            float(np.mean([decode.phase == GRASP for decode in _during_hold(each)] or [0.0])),
        )
        for each in held
    ]


ROWS = {
    'closings_per_minute': 'closings outside Go to Rew + 0.3 s, per minute',
    'catch_closing_rate': 'catch trials in which the hand closes',
    'long_hold_grasp_rate': 'bins of holds of 1 s and more that are GRASP',
    'onset_error_bins': 'GRASP begins, bins after Hold (median)',
    'release_error_bins': 'REST begins, bins after Rew (median)',
    'missed_grasps': 'grasps without three bins of GRASP',
}


def _lines(result: dict) -> list[str]:
    """The result as markdown: the mean over bundles, and each."""
    runs = result['runs']
    header = (f'{result["session"]}, {result["minutes"]:.0f} minutes of {result["split"]} trials and rest', 'mean')
    rows = [(text, _cell(key, result[key])) for key, text in ROWS.items() if result[key] is not None]
    if len(runs) > 1:
        header += ('each split',)
        rows = [
            (*row, ', '.join(_cell(key, run[key]) for run in runs))
            for row, key in zip(rows, (key for key in ROWS if result[key] is not None))
        ]
    return markdown_table(header, rows)


def _cell(key: str, value: float | None) -> str:
    return percent(value) if key.endswith('_rate') else number(value)


def _figure(runs: Sequence[dict]):
    figure, axes = plt.subplots(figsize=(7, 3.4))
    length, share = np.array([hold for run in runs for hold in run['holds']]).reshape(-1, 2).T
    axes.plot(length, 100 * share, '.', color='#1f5fa8')
    axes.set(xlabel='length of the hold, s', ylabel='% of its bins GRASP', ylim=(-3, 103), title='Holds of any length')
    return figure


if __name__ == '__main__':
    raise SystemExit(main())

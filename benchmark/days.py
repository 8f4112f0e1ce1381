"""A decoder on later days: as it is, going on from it with a few trials, and trained afresh.

Every day the tuning of the units drifts, some are replaced, and their sort codes are shuffled.
"""

from __future__ import annotations

import argparse
import sys
from functools import partial
from pathlib import Path

import matplotlib.pyplot as plt

from benchmark.results import print_table, write_results
from grasp_decoder.bundle.task_network import OBJECT, TaskNetwork
from grasp_decoder.cli.command_line import exit_status
from grasp_decoder.features.splits import Split, random_states, split_trials
from grasp_decoder.features.trial_bins import DEFAULT_BIN_NS, TrialBins, bin_trials
from grasp_decoder.features.windows import choose_look_back
from grasp_decoder.learning.evaluation.decoded_trials import predict_trials
from grasp_decoder.learning.evaluation.object_decodes import ObjectDecodes, hold_windows
from grasp_decoder.learning.evaluation.object_metrics import object_summary
from grasp_decoder.learning.models.causal_gru import continue_gru
from grasp_decoder.learning.models.fitting import fit
from grasp_decoder.recording.reading import read_session
from grasp_decoder.recording.synthetic import synthesize

AS_IT_IS, CONTINUED, AFRESH, AFRESH_ALL = 'as_it_is', 'continued', 'afresh', 'afresh_all'
MEANING = {
    AS_IT_IS: "day 1's as it is",
    CONTINUED: 'continued, few trials',
    AFRESH: 'afresh, few trials',
    AFRESH_ALL: 'afresh, 80 %',
}
ALL = 0.8


def main(argv=None) -> int:
    return exit_status(_days, argv)


def _days(argv) -> int:
    parser = argparse.ArgumentParser(prog='days', description=__doc__.split('\n')[0])
    parser.add_argument(
        '--session',
        nargs='+',
        type=Path,
        metavar='FILE',
        help='recordings of consecutive days (default: synthetic ones)',
    )
    parser.add_argument('--days', type=int, default=4, help='of the synthetic recordings (default 4)')
    parser.add_argument(
        '--few', type=float, default=0.2, metavar='F', help='share of a day for training and validation (default 0.2)'
    )
    parser.add_argument('--repeats', type=int, default=3, help='splits to average over (default 3)')
    arguments = parser.parse_args(argv)
    sessions = (
        [read_session(path) for path in arguments.session] if arguments.session else synthesize(days=arguments.days)
    )
    first, *later = (bin_trials(session, DEFAULT_BIN_NS) for session in sessions)
    split = split_trials(first)
    look_back = choose_look_back(first)
    decoder = fit(OBJECT, split.train, split.validation, split.classes, look_back=look_back)
    known = _decodes(decoder, split.classes, split.test, look_back)
    rows = [
        {
            'day': 1,
            'session': sessions[0].name,
            'units': sessions[0].unit_count,
            AFRESH_ALL: object_summary([known]),
        }
    ]
    for day, trials in enumerate(later, start=2):
        print(f'day {day} ...', flush=True)
        rows.append(
            {'day': day, 'session': sessions[day - 1].name, 'units': sessions[day - 1].unit_count}
            | _day(trials, decoder, split.classes, look_back, arguments.few, arguments.repeats)
        )
    print(f'% of hold windows correct (relaxed), {arguments.few:.0%} of a day as few trials')
    print_table(
        ('day', 'units', *MEANING.values()),
        [(str(row['day']), str(row['units']), *(_percent(row.get(name)) for name in MEANING)) for row in rows],
    )
    write_results('days', {'few': arguments.few, 'repeats': arguments.repeats, 'days': rows}, _figure(rows))
    return 0


def _day(trials: list[TrialBins], decoder: TaskNetwork, classes, look_back: int, few: float, repeats: int) -> dict:
    """Scores of one later day; what is compared with few trials is tested on the same ones."""
    found: dict[str, list[ObjectDecodes]] = {}
    for state in random_states(repeats):
        split = split_trials(trials, state, few)
        everything = split_trials(trials, state, ALL)
        decodes = {
            CONTINUED: (split, _fit(split, state, look_back, partial(continue_gru, start=decoder.start))),
            AFRESH: (split, _fit(split, state, look_back)),
            AFRESH_ALL: (everything, _fit(everything, state, look_back)),
        }
        for name, (part, network) in decodes.items():
            found.setdefault(name, []).append(_decodes(network, part.classes, part.test, look_back))
        if decoder.read_in and split.test[0].counts.shape[1] == decoder.read_in.unit_count:
            tested = [trial for trial in split.test if trial.object_id in classes]
            found.setdefault(AS_IT_IS, []).append(_decodes(decoder, classes, tested, look_back))
    return {name: object_summary(decodes) for name, decodes in found.items()}


def _fit(split: Split, state: int, look_back: int, model=None) -> TaskNetwork:
    return fit(OBJECT, split.train, split.validation, split.classes, model=model, look_back=look_back, seed=state)


def _decodes(network: TaskNetwork, classes, trials: list[TrialBins], look_back: int) -> ObjectDecodes:
    return hold_windows(predict_trials({OBJECT: network}, trials), classes, look_back)


def _percent(summary: dict | None) -> str:
    if summary is None:
        return '-'
    return f'{100 * summary["accuracy"]:.1f} ({100 * summary["relaxed_accuracy"]:.1f})'


def _figure(rows: list[dict]):
    figure, axes = plt.subplots(figsize=(6, 3.4))
    for name, meaning in MEANING.items():
        points = [
            (row['day'], 100 * row[name]['accuracy'], *(100 * bound for bound in row[name]['ci95']))
            for row in rows
            if name in row
        ]
        if points:
            day, accuracy, low, high = zip(*points)
            (line,) = axes.plot(day, accuracy, 'o-', label=meaning)
            axes.fill_between(day, low, high, color=line.get_color(), alpha=0.12, linewidth=0)
    axes.set_xticks([row['day'] for row in rows])
    axes.set_xlabel('day')
    axes.set_ylabel('% of hold windows correct')
    axes.set_ylim(0, 102)
    axes.legend(fontsize=8)
    return figure


if __name__ == '__main__':
    sys.exit(main())

# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Objects that training did not know: does the hand take a grip that holds them, or none, or is it sure and wrong?

Objects are left out of training in turn. Their test trials, and those of the objects that were learnt, then go through
the int8 object network and the controller's posterior over grips, trial by trial. The hand answers when it would close,
three bins into the hold phase: with the most probable grip, or with none where a new object is more probable, or where
it is not sure enough of the grip.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from benchmark.object_bundle import object_bundle
from benchmark.results import markdown_table, parsed_with_json, write_results, write_section
from grasp_decoder.bundle.bundle import Bundle
from grasp_decoder.bundle.engines.bundle_engines import BundleEngines, EngineOptions
from grasp_decoder.bundle.task_network import OBJECT
from grasp_decoder.cli.command_line import add_map_argument, exit_status
from grasp_decoder.control.grip_table import load_grip_table
from grasp_decoder.control.settings import ControlSettings
from grasp_decoder.decoding.bin_decoder import BinDecoder
from grasp_decoder.features.splits import FIRST_RANDOM_STATE, Split, split_trials
from grasp_decoder.features.trial_bins import TrialBins, bin_trials
from grasp_decoder.features.windows import choose_look_back
from grasp_decoder.learning.grip_posterior import calibrate_evidence, grip_posterior
from grasp_decoder.learning.models.fitting import fit
from grasp_decoder.learning.report.tables import percent
from grasp_decoder.recording.reading import read_session
from grasp_decoder.recording.session import Session
from grasp_decoder.safe_file import write_json

DOCUMENTED = ('MSyn40', 'MVar50')
CLOSES_AFTER_BINS = 3
SURE = 0.9


@dataclass(frozen=True)
class Answer:
    """What the hand would do in one trial.

    Attributes:
        known: whether training had the object.
        right: whether the most probable grip holds it.
        posterior, certainty: of that grip; certainty is 0 at the grip's prior, and where a new object is more probable.
    """

    known: bool
    right: bool
    posterior: float
    certainty: float


def main(argv=None) -> int:
    return exit_status(_unknown, argv)


def _unknown(argv) -> int:
    parser = argparse.ArgumentParser(prog='unknown', description=__doc__.split('\n')[0])
    parser.add_argument('--session', required=True, type=Path, metavar='FILE', help='recording of grasps')
    add_map_argument(parser)
    parser.add_argument(
        '--folds', type=int, metavar='N', help='networks to train, each without so many of the objects (default: one)'
    )
    parser.add_argument('--split', choices=('validation', 'test'), default='test', help='trials (default: %(default)s)')
    arguments = parsed_with_json(parser, argv)
    session = read_session(arguments.session, arguments.map)
    trials = bin_trials(session)
    split, look_back = split_trials(trials), choose_look_back(trials)
    folds = min(arguments.folds or len(split.classes), len(split.classes))
    answers: list[Answer] = []
    for fold in range(folds):
        left_out = split.classes[fold::folds]
        print(f'without the objects {", ".join(map(str, left_out))} ...', flush=True)
        answers += _answers(session, without_objects(split, left_out), look_back, getattr(split, arguments.split))
    name = arguments.session.name.split('.')[0]
    result = {
        'session': name,
        'folds': folds,
        'split': arguments.split,
        'date': time.strftime('%Y-%m-%d'),
        'rows': {str(limit): row for limit, row in scores(answers).items()},
    }
    lines = _lines(result)
    print('\n'.join(lines))
    if arguments.json:
        write_json(arguments.json, result)
    write_results('unknown', result, _figure(answers))
    if name in DOCUMENTED and arguments.split == 'test':
        write_section('confidence.md', f'unknown objects of {name}', lines)
    return 0


def without_objects(split: Split, left_out: Sequence[int]) -> Split:
    """The split as if some objects had not been there."""

    def kept(trials: Sequence[TrialBins]) -> list[TrialBins]:
        return [trial for trial in trials if trial.object_id not in left_out]

    return replace(
        split,
        train=kept(split.train),
        validation=kept(split.validation),
        test=kept(split.test),
        classes=tuple(each for each in split.classes if each not in left_out),
    )


def _answers(session: Session, split: Split, look_back: int, trials: Sequence[TrialBins]) -> list[Answer]:
    """What a decoder that is trained on ``split`` makes the hand do in ``trials``, some of them of other objects."""
    grips = load_grip_table()
    network = fit(OBJECT, split.train, split.validation, split.classes, look_back=look_back, seed=FIRST_RANDOM_STATE)
    rule = calibrate_evidence(network, split.train, split.validation, split.classes, grips.objects)
    with tempfile.TemporaryDirectory() as folder:
        bundle = object_bundle(folder, network, session, split, look_back, rule)
    names = sorted({grips.grip_of(each) for each in split.classes})
    index = np.array([names.index(grips.grip_of(each)) for each in split.classes])
    prior = np.bincount(index, weights=rule.prior)
    found = []
    for trial, (probability, novelty) in zip(trials, _decode(bundle, trials)):
        closes = min(trial.event_bins['Hold'] + CLOSES_AFTER_BINS, trial.event_bins['Rew'] - 1)
        posterior = (1 - novelty[closes]) * grip_posterior(rule, probability, trial.bin_ns, index)[closes]
        best = int(posterior.argmax())
        certainty = (posterior[best] - prior[best]) / max(1e-9, 1 - prior[best])
        found.append(
            Answer(
                trial.object_id in split.classes,
                names[best] == grips.grip_of(trial.object_id),
                float(posterior[best]),
                0.0 if novelty[closes] > posterior[best] else float(certainty),
            )
        )
    return found


def _decode(bundle: Bundle, trials: Sequence[TrialBins]) -> list[tuple[np.ndarray, np.ndarray]]:
    """For every trial the probability of each class, (n_bins, n_classes), and that of a new object, (n_bins,)."""
    decoder = BinDecoder(BundleEngines(bundle, EngineOptions(backend='cpu')))
    nothing = np.full(len(bundle.manifest.classes), np.nan, np.float32)
    decoded = []
    for trial in trials:
        decoder.reset()
        bins = [decoder.decode(counts) for counts in trial.counts]
        probability = [each.object_probability if len(each.object_probability) else nothing for each in bins]
        decoded.append((np.array(probability), np.array([each.novelty for each in bins])))
    return decoded


def scores(answers: Sequence[Answer]) -> dict[float, dict[str, dict[str, float]]]:
    """Rates by the certainty at which the hand may close, for ``unknown`` and for ``known`` objects.

    ``none``: trials without a grip; ``none_or_right``: those or with a grip that holds the object;
    ``sure_and_wrong``: with another grip whose posterior is above `SURE`.
    """
    found: dict[float, dict[str, dict[str, float]]] = {}
    for limit in (ControlSettings().close_confidence, 0.5, 0.7, 0.9):
        found[limit] = {}
        for name, known in (('unknown', False), ('known', True)):
            group = [each for each in answers if each.known == known]
            none = np.array([each.certainty < limit for each in group])
            right = np.array([each.right for each in group])
            sure = np.array([each.posterior > SURE for each in group])
            found[limit][name] = {
                'trials': len(group),
                'none': float(none.mean()),
                'none_or_right': float((none | right).mean()),
                'sure_and_wrong': float((~none & ~right & sure).mean()),
            }
    return found


def _lines(result: dict) -> list[str]:
    header = (
        result['session'],
        'unknown: none',
        'none or a grip that holds it',
        f'another grip, sure above {SURE:g}',
        'known: none',
        'right grip',
    )
    rows = [
        (
            f'closes at certainty {float(limit):g}',
            percent(row['unknown']['none']),
            percent(row['unknown']['none_or_right']),
            percent(row['unknown']['sure_and_wrong']),
            percent(row['known']['none']),
            percent(row['known']['none_or_right'] - row['known']['none']),
        )
        for limit, row in result['rows'].items()
    ]
    first = next(iter(result['rows'].values()))
    return [
        f'Written by `./run bench unknown` on {result["date"]}: {result["folds"]} networks, each without some of the '
        f'objects; {first["unknown"]["trials"]} {result["split"]} trials of objects that were left out.',
        '',
        *markdown_table(header, rows),
    ]


def _figure(answers: Sequence[Answer]):
    figure, axes = plt.subplots(figsize=(6, 3.2))
    for name, known, right in (
        ('known, right grip', True, True),
        ('unknown, right grip', False, True),
        ('unknown, other grip', False, False),
    ):
        certainty = [each.certainty for each in answers if (each.known, each.right) == (known, right)]
        axes.hist(certainty, np.linspace(0, 1, 21), density=True, histtype='step', label=name)
    axes.set(xlabel='certainty of the grip when the hand would close', ylabel='density')
    axes.legend(loc='upper left')
    return figure


if __name__ == '__main__':
    raise SystemExit(main())

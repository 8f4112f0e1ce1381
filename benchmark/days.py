"""A bundle on another day: as it is, aligned without labels, adapted with a few trials, and a decoder trained afresh.

Every day the tuning of the units drifts, some are replaced, and their sort codes are shuffled. All are scored on the
same test trials of the new day, in repeated splits.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from benchmark.results import print_table, write_results
from grasp_decoder.bundle.bundle import Bundle, load_bundle
from grasp_decoder.bundle.engines.bundle_engines import BundleEngines, EngineOptions
from grasp_decoder.bundle.task_network import OBJECT
from grasp_decoder.cli.command_line import exit_status
from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.features.read_in import ReadIn
from grasp_decoder.features.splits import random_states, split_trials
from grasp_decoder.features.trial_bins import TrialBins, bin_trials, classes_of
from grasp_decoder.learning.adaptation import decode_objects
from grasp_decoder.learning.evaluation.decoded_trials import predict_trials
from grasp_decoder.learning.evaluation.object_decodes import ObjectDecodes, hold_windows
from grasp_decoder.learning.evaluation.object_metrics import object_chance, object_summary
from grasp_decoder.learning.models.alignment import align
from grasp_decoder.learning.models.fitting import fit
from grasp_decoder.recording.reading import read_session
from grasp_decoder.recording.session import Unit
from grasp_decoder.recording.writing import check_writable
from grasp_decoder.safe_file import write_json

UNALIGNED, BLIND, ALIGNED = 'unaligned', 'aligned_without_electrodes', 'aligned'
ADAPTED_LABELS, ADAPTED, SCRATCH = 'adapted_labels_only', 'adapted', 'scratch'
MEANING = {
    UNALIGNED: 'as it is, unit by unit',
    BLIND: 'aligned without labels, electrodes ignored',
    ALIGNED: 'aligned without labels',
    ADAPTED_LABELS: 'adapted to the labelled trials only',
    ADAPTED: 'adapted to labelled and other trials',
    SCRATCH: 'trained afresh on the same trials',
}
VALIDATION_SHARE = 5
"""One in so many of the labelled trials validates a decoder that is trained afresh."""


def main(argv=None) -> int:
    return exit_status(_days, argv)


def _days(argv) -> int:
    parser = argparse.ArgumentParser(prog='days', description=__doc__.split('\n')[0])
    parser.add_argument(
        '--from', required=True, type=Path, metavar='DIR', dest='bundle', help='bundle of an earlier day'
    )
    parser.add_argument('--session', required=True, type=Path, metavar='FILE', help='recording of the new day')
    parser.add_argument('--map', type=Path, metavar='FILE', help='YAML that names the events and annotations')
    parser.add_argument('--per-object', type=int, default=5, metavar='N', help='labelled trials (default: %(default)s)')
    parser.add_argument('--repeats', type=int, default=5, metavar='N', help='splits (default: %(default)s)')
    parser.add_argument('--json', type=Path, metavar='OUT', help='where the result goes besides bench/days')
    arguments = parser.parse_args(argv)
    if arguments.json:
        check_writable(arguments.json)
    if arguments.per_object < 1:
        raise GraspDecoderError('--per-object: give 1 or more')
    bundle, session = load_bundle(arguments.bundle), read_session(arguments.session, arguments.map)
    manifest = bundle.manifest
    trials = [
        each for each in bin_trials(session, manifest.bin_ns, manifest.merge) if each.object_id in manifest.classes
    ]
    found: dict[str, list[ObjectDecodes]] = {}
    for state in random_states(arguments.repeats):
        print(f'split {state} ...', flush=True)
        split = split_trials(trials, state)
        known = [*split.train, *split.validation]
        few = draw(known, arguments.per_object, state)
        for name, decodes in compare(bundle, session.units, known, few, split.test, state).items():
            found.setdefault(name, []).append(decodes)
    scores = {name: _score(found[name]) for name in MEANING if name in found}
    result = {
        'bundle': bundle.id,
        'session': session.name,
        'per_object': arguments.per_object,
        'repeats': arguments.repeats,
        'chance': object_chance(len(manifest.classes))['accuracy'],
        **scores,
    }
    print(f'% of hold windows correct, {arguments.per_object} labelled trials of each object')
    print_table(
        ('decoder', 'correct', '95 %'),
        [
            (MEANING[name], _percent(each['accuracy']), ' to '.join(map(_percent, each['ci95'])))
            for name, each in scores.items()
        ],
    )
    if arguments.json:
        write_json(arguments.json, result)
    write_results('days', result, _figure(scores))
    return 0


def draw(trials: Sequence[TrialBins], per_object: int, state: int) -> list[TrialBins]:
    """Random trials of each object, object after object; all of them where there are fewer."""
    rng = np.random.default_rng(state)
    chosen: list[TrialBins] = []
    for object_id in classes_of(trials):
        own = [trial for trial in trials if trial.object_id == object_id]
        chosen += [own[index] for index in rng.permutation(len(own))[:per_object]]
    return chosen


def compare(
    bundle: Bundle,
    units: Sequence[Unit],
    known: Sequence[TrialBins],
    few: Sequence[TrialBins],
    test: Sequence[TrialBins],
    state: int,
) -> dict[str, ObjectDecodes]:
    """Decodes of the test trials of one split by each decoder.

    Args:
        known: trials that are aligned with, without their labels.
        few: of those, the ones with labels.
    """
    engines, start = BundleEngines(bundle, EngineOptions(backend='cpu')), bundle.start(OBJECT)
    earlier, others = bundle.manifest.units, [trial for trial in known if trial not in few]
    read_ins = {
        UNALIGNED: _by_position(bundle.read_ins[OBJECT], len(units)),
        BLIND: align(start, (), known).read_in,
        ALIGNED: align(start, (), known, units=units, earlier_units=earlier).read_in,
        ADAPTED_LABELS: align(start, few, units=units, earlier_units=earlier).read_in,
        ADAPTED: align(start, few, others, units=units, earlier_units=earlier).read_in,
    }
    decodes = {name: decode_objects(engines, read_in, test) for name, read_in in read_ins.items()}
    return {**decodes, SCRATCH: _afresh(few, test, bundle.manifest.classes, bundle.manifest.look_back, state)}


def _by_position(read_in: ReadIn, unit_count: int) -> ReadIn:
    """The read-in as it is for other units: a unit of today takes the place of the one with its number."""
    kernel = np.zeros((unit_count, read_in.width), np.float32)
    both = min(unit_count, read_in.unit_count)
    kernel[:both] = read_in.kernel[:both]
    return replace(read_in, kernel=kernel)


def _afresh(few: Sequence[TrialBins], test: Sequence[TrialBins], classes, look_back: int, state: int) -> ObjectDecodes:
    order = np.random.default_rng(state).permutation(len(few))
    train = [few[index] for index in order[len(few) // VALIDATION_SHARE :]]
    validation = [few[index] for index in order[: len(few) // VALIDATION_SHARE]]
    network = fit(OBJECT, train, validation, classes, look_back=look_back, seed=state)
    return hold_windows(predict_trials({OBJECT: network}, test), classes, look_back)


def _score(repeats: list[ObjectDecodes]) -> dict:
    summary = object_summary(repeats)
    return {name: summary[name] for name in ('accuracy', 'ci95', 'relaxed_accuracy', 'accuracy_of_repeats', 'n_trials')}


def _percent(share: float) -> str:
    return f'{100 * share:.1f}'


def _figure(scores: dict[str, dict]):
    figure, axes = plt.subplots(figsize=(6, 2.4))
    for y, each in enumerate(scores.values()):
        axes.plot([100 * bound for bound in each['ci95']], [y, y], linewidth=2)
        axes.plot(100 * each['accuracy'], y, 'o')
    axes.set_yticks(range(len(scores)), [MEANING[name] for name in scores])
    axes.invert_yaxis()
    axes.set_xlim(0, 100)
    axes.set_xlabel('% of hold windows correct')
    return figure


if __name__ == '__main__':
    sys.exit(main())

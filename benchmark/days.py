# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""A bundle on another day: as it is, aligned without labels, adapted with a few trials, and a decoder trained afresh.

Every day the tuning of the units drifts, some are replaced, and their sort codes are shuffled. All are scored on the
same test trials of the new day, in repeated splits. What is finished is kept, so that the same command goes on.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from benchmark.pieces import OutOfTime, Piece, Pieces, add_limit_argument
from benchmark.results import markdown_table, parsed_with_json, print_table, write_results, write_section
from grasp_decoder.bundle.bundle import Bundle, load_bundle
from grasp_decoder.bundle.engines.bundle_engines import BundleEngines, EngineOptions
from grasp_decoder.bundle.task_network import OBJECT
from grasp_decoder.cli.command_line import add_map_argument, exit_status
from grasp_decoder.decoding.checked_decoder import CheckedDecoder
from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.features.binning import Bin
from grasp_decoder.features.input_statistics import measure_input
from grasp_decoder.features.read_in import ReadIn
from grasp_decoder.features.splits import Split, random_states, split_trials
from grasp_decoder.features.trial_bins import TrialBins, bin_trials, classes_of
from grasp_decoder.features.unit_model_fitting import fit_unit_model
from grasp_decoder.learning.adaptation import decode_objects
from grasp_decoder.learning.evaluation.decoded_trials import DecodedTrial, predict_trials
from grasp_decoder.learning.evaluation.object_decodes import ObjectDecodes, hold_windows
from grasp_decoder.learning.evaluation.object_metrics import object_chance, object_summary
from grasp_decoder.learning.models.alignment import align
from grasp_decoder.learning.models.fitting import fit
from grasp_decoder.learning.report.tables import percent
from grasp_decoder.recording.reading import read_session
from grasp_decoder.recording.session import Unit
from grasp_decoder.safe_file import write_json

UNALIGNED, BLIND, ALIGNED = 'unaligned', 'aligned_without_electrodes', 'aligned'
ADAPTED_LABELS, ADAPTED_BLIND, ADAPTED = 'adapted_labels_only', 'adapted_without_electrodes', 'adapted'
DEAD, SCRATCH = 'adapted_dead_units', 'scratch'
DEAD_UNITS = 20
MEANING = {
    UNALIGNED: 'as it is, unit by unit',
    BLIND: 'aligned without labels, electrodes ignored',
    ALIGNED: 'aligned without labels',
    ADAPTED_LABELS: 'adapted to the labelled trials only',
    ADAPTED_BLIND: 'adapted to labelled and other trials, electrodes ignored',
    ADAPTED: 'adapted to labelled and other trials, as `adapt` does',
    DEAD: f'the same, and {DEAD_UNITS} random units then die',
    SCRATCH: 'trained afresh on the same trials',
}
VALIDATION_SHARE = 5
"""One in so many of the labelled trials validates a decoder that is trained afresh."""

DOCUMENTED = 'MSyn40', 'MSyn41'


def main(argv=None) -> int:
    return exit_status(_days, argv)


def _days(argv) -> int:
    parser = argparse.ArgumentParser(prog='days', description=__doc__.split('\n')[0])
    parser.add_argument(
        '--from', required=True, type=Path, metavar='DIR', dest='bundle', help='bundle of an earlier day'
    )
    parser.add_argument('--session', required=True, type=Path, metavar='FILE', help='recording of the new day')
    add_map_argument(parser)
    parser.add_argument(
        '--per-object',
        type=int,
        nargs='+',
        default=[5],
        metavar='N',
        help='labelled trials of each object; with several numbers, a curve (default: 5)',
    )
    parser.add_argument('--repeats', type=int, default=5, metavar='N', help='splits (default: %(default)s)')
    add_limit_argument(parser)
    arguments = parsed_with_json(parser, argv)
    if min(arguments.per_object) < 0:
        raise GraspDecoderError('--per-object: give 0 or more')
    day = NewDay(load_bundle(arguments.bundle), arguments.session, arguments.map)
    manifest, pieces = day.bundle.manifest, Pieces('days', arguments.max_seconds)
    states, counts = random_states(arguments.repeats), arguments.per_object
    none = _finished(pieces, day, 'none', states, day.without_labels)
    few = {count: _finished(pieces, day, f'{count}', states, partial(day.adapted, count)) for count in counts if count}
    afresh = {count: _finished(pieces, day, f'{count}_afresh', states, partial(day.afresh, count)) for count in few}
    curve = {str(count): none | few.get(count, {}) | afresh.get(count, {}) for count in counts}
    result = {
        'bundle': day.bundle.id,
        'session': day.name,
        'commit': pieces.commit,
        'date': time.strftime('%Y-%m-%d'),
        'repeats': arguments.repeats,
        'chance': object_chance(len(manifest.classes))['accuracy'],
        'per_object': counts[0],
        **curve[str(counts[0])],
        'curve': curve,
    }
    for count, scores in curve.items():
        print(f'% of hold windows correct, {count} labelled trials of each object')
        rows = [(MEANING[name], _percent(each['accuracy']), _interval(each)) for name, each in scores.items()]
        print_table(('decoder', 'correct', '95 %'), rows)
    if arguments.json:
        write_json(arguments.json, result)
    write_results('days', result, _figure(curve))
    if (manifest.name, day.name) == DOCUMENTED and len(curve) > 1:
        write_section('across_days.md', 'results', _lines(result))
    return 0


def _finished(
    pieces: Pieces, day: NewDay, name: str, states: Sequence[int], make: Callable[[int], Piece]
) -> dict[str, dict]:
    """Scores of each decoder over all splits; nothing where the time is over before."""
    whole = f'{day.bundle.sha256[:12]}_{day.path.name.split(".")[0]}_{name}'
    try:
        repeats = [pieces.get(f'{whole}_{state}', partial(make, state))[1] for state in states]
    except OutOfTime:
        return {}
    return {method: _score([decodes[method] for decodes in repeats]) for method in repeats[0]}


@dataclass(frozen=True)
class NewDay:
    """The recording of another day, and the bundle that is brought there."""

    bundle: Bundle
    path: Path
    mapping: Path | None

    @cached_property
    def _session(self):
        return read_session(self.path, self.mapping)

    @property
    def name(self) -> str:
        return self._session.name

    @property
    def _units(self) -> Sequence[Unit]:
        return self._session.units

    @cached_property
    def _trials(self) -> list[TrialBins]:
        manifest = self.bundle.manifest
        trials = bin_trials(self._session, manifest.bin_ns, manifest.merge)
        return [each for each in trials if each.object_id in manifest.classes]

    @cached_property
    def _engines(self) -> BundleEngines:
        return BundleEngines(self.bundle, EngineOptions(backend='cpu'))

    def _split(self, state: int) -> tuple[Split, list[TrialBins]]:
        """The split, and the trials that may be used."""
        split = split_trials(self._trials, state)
        return split, [*split.train, *split.validation]

    def without_labels(self, state: int) -> Piece:
        """Decodes of the test trials of one split by each decoder that needs no labels."""
        start, earlier = self.bundle.start(OBJECT), self.bundle.manifest.units
        split, known = self._split(state)
        read_ins = {
            UNALIGNED: _by_position(self.bundle.read_ins[OBJECT], len(self._units)),
            BLIND: align(start, (), known).read_in,
            ALIGNED: align(start, (), known, units=self._units, earlier_units=earlier).read_in,
        }
        return {}, {name: decode_objects(self._engines, each, split.test) for name, each in read_ins.items()}

    def adapted(self, per_object: int, state: int) -> Piece:
        """The same by each decoder that is adapted with the objects of some trials."""
        start, earlier = self.bundle.start(OBJECT), self.bundle.manifest.units
        split, known = self._split(state)
        few = draw(known, per_object, state)
        others = [trial for trial in known if trial not in few]
        read_ins = {
            ADAPTED_LABELS: align(start, few, units=self._units, earlier_units=earlier).read_in,
            ADAPTED_BLIND: align(start, few, others).read_in,
            ADAPTED: align(start, few, others, units=self._units, earlier_units=earlier).read_in,
        }
        decodes = {name: decode_objects(self._engines, each, split.test) for name, each in read_ins.items()}
        dead = np.random.default_rng(state).permutation(len(self._units))[:DEAD_UNITS]
        decodes[DEAD] = self._live(read_ins[ADAPTED], known, [_without(trial, dead) for trial in split.test])
        return {}, decodes

    def afresh(self, per_object: int, state: int) -> Piece:
        """The same by the default decoder, trained on those trials alone."""
        split, known = self._split(state)
        few = draw(known, per_object, state)
        classes, look_back = self.bundle.manifest.classes, self.bundle.manifest.look_back
        order = np.random.default_rng(state).permutation(len(few))
        train = [few[index] for index in order[len(few) // VALIDATION_SHARE :]]
        validation = [few[index] for index in order[: len(few) // VALIDATION_SHARE]]
        network = fit(OBJECT, train, validation, classes, look_back=look_back, seed=state)
        return {}, {SCRATCH: hold_windows(predict_trials({OBJECT: network}, split.test), classes, look_back)}

    def _live(self, read_in: ReadIn, known: Sequence[TrialBins], test: Sequence[TrialBins]) -> ObjectDecodes:
        """Decodes of an adapted bundle behind the monitor of its input, which finds dead units by itself."""
        manifest = self.bundle.manifest
        adapted = replace(
            self.bundle,
            manifest=replace(manifest, units=self._units, tasks={OBJECT: manifest.tasks[OBJECT]}),
            read_ins={OBJECT: read_in},
            input_statistics=measure_input(known),
            unit_model=fit_unit_model(known),
        )
        decoder = CheckedDecoder(BundleEngines(adapted, EngineOptions(backend='cpu')))
        decoded = decode_live(decoder, test)
        return hold_windows(decoded, manifest.classes, manifest.look_back)


def draw(trials: Sequence[TrialBins], per_object: int, state: int) -> list[TrialBins]:
    """Random trials of each object, object after object; all of them where there are fewer."""
    rng = np.random.default_rng(state)
    chosen: list[TrialBins] = []
    for object_id in classes_of(trials):
        own = [trial for trial in trials if trial.object_id == object_id]
        chosen += [own[index] for index in rng.permutation(len(own))[:per_object]]
    return chosen


def decode_live(decoder: CheckedDecoder, trials: Sequence[TrialBins]) -> list[DecodedTrial]:
    """Decode trials in their order as one stream; units live, die and drift across them."""
    return [
        DecodedTrial(trial, objects=np.array([decoder.decode(each)[0].object_probability for each in _bins(trial)]))
        for trial in sorted(trials, key=lambda each: each.start_ns)
    ]


def _bins(trial: TrialBins) -> list[Bin]:
    """The bins of a trial as a stream gives them, a segment of their own."""
    return [
        Bin(
            trial.trial_id,
            index,
            trial.start_ns + index * trial.bin_ns,
            trial.start_ns + (index + 1) * trial.bin_ns,
            0,
            counts,
            index == 0,
        )
        for index, counts in enumerate(trial.counts)
    ]


def _without(trial: TrialBins, units: np.ndarray) -> TrialBins:
    counts = trial.counts.copy()
    counts[:, units] = 0
    return replace(trial, counts=counts)


def _by_position(read_in: ReadIn, unit_count: int) -> ReadIn:
    """The read-in as it is for other units: a unit of today takes the place of the one with its number."""
    kernel = np.zeros((unit_count, read_in.width), np.float32)
    both = min(unit_count, read_in.unit_count)
    kernel[:both] = read_in.kernel[:both]
    return replace(read_in, kernel=kernel)


def _score(repeats: list[ObjectDecodes]) -> dict:
    summary = object_summary(repeats)
    return {name: summary[name] for name in ('accuracy', 'ci95', 'relaxed_accuracy', 'accuracy_of_repeats', 'n_trials')}


def _percent(share: float) -> str:
    return f'{100 * share:.1f}'


def _interval(score: dict) -> str:
    return ' to '.join(map(_percent, score['ci95']))


def _lines(result: dict) -> list[str]:
    """Two tables: what needs no labels, and curves over the number of labelled trials."""
    curve = result['curve']
    first = next(iter(curve.values()))
    without = (UNALIGNED, BLIND, ALIGNED)
    counts = sorted((count for count in curve if count != '0'), key=int)

    def cell(scores: dict[str, dict], name: str) -> str:
        return percent(scores[name]['accuracy'], scores[name]['ci95']) if name in scores else '–'

    return [
        f'Written by `./run bench days` at commit {result["commit"]}, {result["date"]}: hold windows of the test '
        f'trials of {result["repeats"]} splits, with 95 % intervals over trials.',
        '',
        *markdown_table(('no labels', 'correct'), [(MEANING[name], cell(first, name)) for name in without]),
        '',
        *markdown_table(
            ('labelled trials of each object', *counts),
            [
                (meaning, *(cell(curve[count], name) for count in counts))
                for name, meaning in MEANING.items()
                if name not in without
            ],
        ),
    ]


def _figure(curve: dict[str, dict]):
    figure, axes = plt.subplots(figsize=(7, 4))
    for name, meaning in MEANING.items():
        counts = sorted(int(count) for count, scores in curve.items() if name in scores)
        if counts:
            each = [curve[str(count)][name] for count in counts]
            low, high = (100 * np.array([score['ci95'][side] for score in each]) for side in (0, 1))
            (line,) = axes.plot(counts, [100 * score['accuracy'] for score in each], 'o-', label=meaning)
            axes.fill_between(counts, low, high, color=line.get_color(), alpha=0.15)
    axes.set(xlabel='labelled trials of each object', ylabel='% of hold windows correct', ylim=(0, 100))
    axes.legend(loc='upper left', bbox_to_anchor=(1, 1))
    return figure


if __name__ == '__main__':
    sys.exit(main())

# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Adapting a bundle to another day: its networks stay as they are, and get read-ins for that day's units."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

import grasp_decoder
from grasp_decoder.bundle.bundle import Bundle
from grasp_decoder.bundle.engines.bundle_engines import BundleEngines, EngineOptions
from grasp_decoder.bundle.export.parity import decode_bins
from grasp_decoder.bundle.export.writing import BundleDraft
from grasp_decoder.bundle.manifest import SourceSession
from grasp_decoder.bundle.task_network import OBJECT, PHASE
from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.features.count_features import SQUARE_ROOT_LUT, count_features
from grasp_decoder.features.novelty import LatentAverages, NoveltyModel
from grasp_decoder.features.read_in import ReadIn
from grasp_decoder.features.trial_bins import TrialBins
from grasp_decoder.learning.evaluation.decoded_trials import DecodedTrial
from grasp_decoder.learning.evaluation.intervals import mean_interval
from grasp_decoder.learning.evaluation.object_decodes import ObjectDecodes, hold_windows, pool
from grasp_decoder.learning.models.alignment import FOLDS, Alignment, align, match_units
from grasp_decoder.learning.models.course import moments
from grasp_decoder.learning.models.novelty_fitting import adapt_novelty_model
from grasp_decoder.recording.session import Session, Unit

LEAST_SHARE = 0.5
"""A bundle fits if, adapted, it is at least this far from chance to what it decoded on its own day."""

SHUFFLES, LEAST_SPREADS = 10, 3.0
"""Without labels a bundle fits if it has more units in common with today than by chance, where electrodes are
exchanged: by this many standard deviations of so many trials of it."""

CLOSES_AFTER_BINS = 3
"""Bins from Hold until the hand asks whether the object is a new one."""

FEWEST_FOR_LIMIT = 20
"""Trials that tell how far known objects come to lie today."""


@dataclass(frozen=True)
class Day:
    """The trials that a bundle is adapted to.

    Attributes:
        labelled: trials whose objects are used.
        unlabelled: further trials, of which only the events are used.
        units: of their session. Those with electrodes are matched with the bundle's.
    """

    labelled: Sequence[TrialBins]
    unlabelled: Sequence[TrialBins] = ()
    units: Sequence[Unit] = ()

    @property
    def trials(self) -> list[TrialBins]:
        """All of them."""
        return [*self.labelled, *self.unlabelled]

    def align(self, bundle: Bundle, task: str) -> Alignment:
        """A read-in for one task of a bundle."""
        return align(
            bundle.start(task),
            self.labelled,
            self.unlabelled,
            units=self.units,
            earlier_units=bundle.manifest.units,
        )


@dataclass(frozen=True)
class Adapted:
    """A bundle of an earlier day that fits today.

    Attributes:
        bundle: of the earlier day.
        day: that it is adapted to.
        alignments: a read-in for each task.
        expected: decodes that tell how well it will decode; None without labelled trials.
    """

    bundle: Bundle
    day: Day
    alignments: Mapping[str, Alignment]
    expected: ObjectDecodes | None

    @property
    def is_matched(self) -> NDArray[np.bool_]:
        """Whether each of today's units was matched to one of the earlier day, (units,)."""
        return np.any([found.match >= 0 for found in self.alignments.values()], axis=0)

    def is_surely_better_than(self, other: Adapted) -> bool:
        """Whether it is expected to decode more, or has more units in common with today where no labels tell.

        Sure is what the 95 % interval of the difference says, over the trials that both decoded or over units.
        """
        if self.expected is None or other.expected is None:
            gain = self.is_matched.astype(float) - other.is_matched
            return mean_interval(gain, np.arange(len(gain)))[0] > 0
        own, others = map(_share_by_trial, (self.expected, other.expected))
        both = sorted(own.keys() & others.keys())
        return mean_interval(np.array([own[trial] - others[trial] for trial in both]), np.array(both))[0] > 0


def _share_by_trial(decodes: ObjectDecodes) -> dict[int, float]:
    """Trial -> share of its decodes that are correct."""
    return {int(trial): float(decodes.correct[decodes.trial == trial].mean()) for trial in np.unique(decodes.trial)}


def adapt(bundle: Bundle, day: Day) -> Adapted:
    """Adapt a bundle to another day.

    Raises:
        GraspDecoderError: it cannot be adapted, or does not fit.
    """
    alignments, expected = align_tasks(bundle, day), None
    if day.labelled and OBJECT in bundle.manifest.tasks:
        expected = expected_decodes(bundle, day)
        require_fit(bundle, expected.accuracy)
    else:
        require_common_units(bundle, day)
    return Adapted(bundle, day, alignments, expected)


def adapt_best(bundles: Sequence[Bundle], day_for: Callable[[Bundle], Day], say: Callable[[str], None]) -> Adapted:
    """Adapt the newest of several bundles that fits, unless an older one is surely better.

    A few labelled trials do not tell which of two alike is better, and nobody is as near as the day before.

    Args:
        bundles: of earlier days, the newest one last.
        day_for: today's trials as a bundle takes them.
        say: is told which bundles do not fit, where another one does.

    Raises:
        GraspDecoderError: none of them fits.
    """
    found, problems = [], []
    for bundle in bundles:
        try:
            found.append(adapt(bundle, day_for(bundle)))
        except GraspDecoderError as error:
            problems.append(error)
    if not found:
        raise problems[0]
    for problem in problems:
        say(str(problem))
    best = found.pop()
    while found:
        older = found.pop()
        best = older if older.is_surely_better_than(best) else best
    return best


def align_tasks(bundle: Bundle, day: Day) -> dict[str, Alignment]:
    """A read-in for each task of a bundle.

    Raises:
        GraspDecoderError: the bundle decodes nothing but a movement or keeps nothing for another day, or the trials do
            not fit it.
    """
    if bundle.manifest.movement is not None and not {OBJECT, PHASE} & bundle.manifest.tasks.keys():
        raise GraspDecoderError(
            f'bundle {bundle.path} decodes nothing but a movement: it can be adapted only if it decodes phases or '
            'objects as well'
        )
    found: dict[str, Alignment] = {}
    known: dict[bytes, Alignment] = {}
    for task in bundle.manifest.tasks:
        latents = bundle.start(task)['latents'].tobytes()  # tasks with the same read-in have the same latents
        known[latents] = found[task] = known.get(latents) or day.align(bundle, task)
    return found


def decode_objects(engines: BundleEngines, read_in: ReadIn, trials: Sequence[TrialBins]) -> ObjectDecodes:
    """What the object network of a bundle says in the hold phases of trials, behind another read-in."""
    manifest, runner = engines.bundle.manifest, engines.runner(OBJECT, read_in)
    decoded = [DecodedTrial(trial, objects=decode_bins(runner, trial)) for trial in trials]
    return hold_windows(decoded, manifest.classes, manifest.look_back)


def expected_decodes(bundle: Bundle, day: Day) -> ObjectDecodes:
    """Decodes of every labelled trial, each by a read-in that was fitted to other labelled trials (cross-validation).

    Unlabelled trials are left out, which takes far less time: they make the bundle itself somewhat better than this.
    """
    engines = BundleEngines(bundle, EngineOptions(backend='cpu'))
    order, found = np.random.default_rng(0).permutation(len(day.labelled)), []
    for part in np.array_split(order, min(FOLDS, len(order))):
        rest = Day([trial for index, trial in enumerate(day.labelled) if index not in part], units=day.units)
        read_in = rest.align(bundle, OBJECT).read_in
        found.append(decode_objects(engines, read_in, [day.labelled[index] for index in part]))
    return pool(found)


def require_fit(bundle: Bundle, accuracy: float) -> None:
    """Refuse a bundle that decodes far worse than it did on its own day.

    Raises:
        GraspDecoderError: it does.
    """
    chance = 1 / len(bundle.manifest.classes)
    own = bundle.manifest.metrics.get(OBJECT, {}).get('accuracy', 3 * chance)
    least = least_accuracy(own, chance)
    if accuracy < least:
        raise GraspDecoderError(
            f'bundle {bundle.path} does not fit this session: adapted, it would decode {accuracy:.0%} of the hold '
            f'phase, less than {least:.0%}; is it of another animal? Train this session on its own'
        )


def least_accuracy(own: float, chance: float) -> float:
    """What another day has to decode at least, where this one decodes ``own``, to be taken for the same animal."""
    return chance + LEAST_SHARE * (own - chance)


def require_common_units(bundle: Bundle, day: Day) -> None:
    """Refuse a bundle whose units are not those of today: for trials without labels, which say nothing of the fit.

    Nothing is refused where electrodes are unknown.

    Raises:
        GraspDecoderError: on the same electrode, units fire no more alike than on others.
    """
    start = bundle.start(next(iter(bundle.manifest.tasks)))
    rows = moments(day.trials, start['events'].tolist())
    electrodes = sorted({unit.electrode for unit in day.units} - {None})
    if not electrodes or not any(unit.electrode in electrodes for unit in bundle.manifest.units):
        return

    def matched(names: Mapping[int, int]) -> int:
        units = [replace(unit, electrode=names.get(unit.electrode)) for unit in day.units]
        return int((match_units(rows, start, units, bundle.manifest.units) >= 0).sum())

    rng = np.random.default_rng(0)
    chance = [matched(dict(zip(electrodes, rng.permutation(electrodes).tolist()))) for _ in range(SHUFFLES)]
    if matched(dict(zip(electrodes, electrodes))) <= np.mean(chance) + LEAST_SPREADS * np.std(chance):
        raise GraspDecoderError(
            f'bundle {bundle.path} does not fit this session: on the same electrode, units fire no more alike than on '
            'others; is it of another animal or array? Adapt it with labelled trials, or train this session on its own'
        )


def novelty_today(bundle: Bundle, read_in: ReadIn, day: Day) -> NoveltyModel | None:
    """The bundle's model of what new objects are, for today's latents (`adapt_novelty_model`).

    Args:
        bundle: of the earlier day.
        read_in: of its network for the object, for today's units.
        day: whose labelled trials are used; all of its trials where those are too few.
    """
    novelty, classes = bundle.novelty_model, list(bundle.manifest.classes)
    trials = day.labelled if len(day.labelled) >= FEWEST_FOR_LIMIT else day.trials
    known = [trial for trial in trials if {'Hold', 'Rew'} <= trial.event_bins.keys()]
    if novelty is None or len(known) < FEWEST_FOR_LIMIT:
        return novelty
    told = {trial.trial_id: classes.index(trial.object_id) for trial in day.labelled}
    places = np.array([_when_closing(read_in, trial) for trial in known]) @ novelty.directions
    return adapt_novelty_model(novelty, places, np.array([told.get(trial.trial_id, -1) for trial in known]))


def _when_closing(read_in: ReadIn, trial: TrialBins) -> np.ndarray:
    """The running averages of the latents when the hand closes."""
    closing = min(trial.event_bins['Hold'] + CLOSES_AFTER_BINS, trial.event_bins['Rew'] - 1, trial.n_bins - 1)
    averages = LatentAverages(read_in.width)
    features = count_features(trial.counts[: max(0, closing) + 1], SQUARE_ROOT_LUT)
    return [averages.step(each) for each in read_in.of_bins(features)][-1]


def first_trials(trials: Sequence[TrialBins], classes: Sequence[int], per_object: int) -> list[TrialBins]:
    """The first trials of each class, in the order of recording."""
    left = dict.fromkeys(classes, per_object)
    chosen = []
    for trial in sorted(trials, key=lambda each: each.start_ns):
        if left.get(trial.object_id, 0):
            left[trial.object_id] -= 1
            chosen.append(trial)
    return chosen


def write_adapted(draft: BundleDraft, adapted: Adapted, session: Session) -> Bundle:
    """Write an adapted bundle into a draft; trials of which it did not learn the object are its test trials."""
    bundle, day, alignments = adapted.bundle, adapted.day, adapted.alignments
    used = tuple(sorted(trial.trial_id for trial in day.labelled))
    test = tuple(trial.id for trial in session.trials if session.is_usable(trial) and trial.id not in used)
    starts = {
        task: {**bundle.start(task), 'loading': found.loading, 'course': found.course, 'spread': found.spread}
        for task, found in alignments.items()
    }
    manifest = replace(
        bundle.manifest,
        name=session.name,
        created=datetime.now(UTC).isoformat(timespec='seconds'),
        package_version=grasp_decoder.__version__,
        sessions=(SourceSession(session.name, session.source_sha256, train=used, validation=(), test=test),),
        units=session.units,
        final=False,
        started_from=bundle.id,
    )
    read_ins = {task: found.read_in for task, found in alignments.items()}
    novelty = novelty_today(bundle, read_ins[OBJECT], day) if OBJECT in read_ins else None
    return draft.adapt(bundle, read_ins, starts, novelty, day.trials, manifest)

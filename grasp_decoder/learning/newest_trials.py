# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Whether a new bundle is better than the one that runs: the newest trials tell, of which it has learnt nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from grasp_decoder.bundle.bundle import Bundle
from grasp_decoder.bundle.task_network import OBJECT, PHASE
from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.features.trial_bins import TrialBins, bin_trials
from grasp_decoder.learning.evaluation.decoded_trials import decode_trials
from grasp_decoder.learning.evaluation.intervals import mean_interval
from grasp_decoder.recording.session import Session
from grasp_decoder.types.decoded_grasp import GRASP

SHARE = 0.25
"""Of the trials of a day, the newest ones, which only compare."""

FEWEST = 8
"""Trials that can tell which of two bundles is better."""


class NotBetter(GraspDecoderError):
    """A new bundle is not better than the one that runs."""


class Answers(NamedTuple):
    """Whether a bundle was right, bin after bin.

    Attributes:
        right: bool (n,).
        trial: int (n,), id of the trial of each bin.
    """

    right: NDArray[np.bool_]
    trial: NDArray[np.int_]


def split_newest(trials: Sequence[TrialBins]) -> tuple[list[TrialBins], list[TrialBins]]:
    """The trials to learn from, and the newest ones, which only compare.

    Raises:
        GraspDecoderError: the newest ones are too few.
    """
    ordered = sorted(trials, key=lambda trial: trial.trial_id)
    kept = round(len(ordered) * (1 - SHARE))
    if len(ordered) - kept < FEWEST:
        raise GraspDecoderError(
            f'{len(ordered)} trials are too few to compare two bundles: the newest quarter must be {FEWEST} or more'
        )
    return ordered[:kept], ordered[kept:]


def answers(bundle: Bundle, session: Session, trials: Sequence[TrialBins]) -> dict[str, Answers]:
    """Task -> how a bundle decodes trials in the running system: the object in hold phases, the phase in all bins."""
    right: dict[str, list] = {OBJECT: [], PHASE: []}
    ids: dict[str, list] = {OBJECT: [], PHASE: []}
    for each in decode_trials(bundle, session, trials, 'int8'):
        hold = each.trial.phase == GRASP
        if each.objects is not None:
            named = np.array(bundle.manifest.classes)[each.objects[hold].argmax(axis=1)]
            right[OBJECT].append((named == each.trial.object_id) & ~np.isnan(each.objects[hold, 0]))
            ids[OBJECT].append(np.full(len(named), each.trial.trial_id))
        if each.grasp is not None:
            right[PHASE].append(each.grasp == hold)
            ids[PHASE].append(np.full(len(hold), each.trial.trial_id))
    return {task: Answers(np.concatenate(right[task]), np.concatenate(ids[task])) for task in right if right[task]}


def require_comparable(new: Bundle, running: Bundle) -> None:
    """Refuse two bundles whose answers for the same trials cannot be held against each other.

    Raises:
        GraspDecoderError: their bins, their copies of objects or their tasks are not the same; or they decode neither
            objects nor phases.
    """
    ours, theirs = new.manifest, running.manifest
    tasks, their_tasks = ({OBJECT, PHASE} & each.tasks.keys() for each in (ours, theirs))
    for name, one, other in (
        ('width of bins', ours.bin_ns, theirs.bin_ns),
        ('copies of objects', ours.merge, theirs.merge),
        ('tasks', tasks, their_tasks),
    ):
        if one != other:
            raise GraspDecoderError(
                f'bundle {running.path} has other {name} than bundle {new.path}, so they cannot be compared: leave out '
                '--better-than'
            )
    if not tasks:
        raise GraspDecoderError(f'bundle {running.path} decodes neither objects nor phases: leave out --better-than')


def compared_on_newest(new: Bundle, running: Bundle, session: Session) -> str:
    """Compare two bundles on the newest trials of a session, as `require_better` does."""
    trials = split_newest(bin_trials(session, new.manifest.bin_ns, new.manifest.merge))[1]
    return require_better(answers(new, session, trials), answers(running, session, trials), str(running.path))


def require_better(new: Mapping[str, Answers], running: Mapping[str, Answers], name: str) -> str:
    """Refuse a new bundle that is not surely better: a hand changes what it follows for a reason only.

    It is better if it is surely so for one task, and surely worse for none. Sure is what the 95 % interval of the
    difference says, over trials.

    Args:
        new, running: task -> what both said of the same trials; the same tasks, one at least.
        name: of the bundle that runs, for people.

    Returns:
        How much better it is, in one line.

    Raises:
        NotBetter: it is not.
    """
    better, worse, scores = [], [], []
    for task, said in new.items():
        difference = said.right.astype(float) - running[task].right
        low, high = mean_interval(difference, said.trial)
        better += [task] if low > 0 else []
        worse += [task] if high < 0 else []
        scores.append(f'{task} {said.right.mean():.1%} against {running[task].right.mean():.1%}')
    trials = max(len(np.unique(said.trial)) for said in new.values())
    line = f'on the newest {trials} trials, of which it has learnt nothing, {" and ".join(scores)}'
    if worse:
        raise NotBetter(f'the new bundle is worse than {name} ({worse[0]}): {line}')
    if not better:
        raise NotBetter(f'the new bundle is not surely better than {name}: {line}')
    return f'better than {name}: {line}'

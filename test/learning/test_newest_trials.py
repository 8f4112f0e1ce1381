# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Which of two bundles is better: the newest trials of a day say so, or that they cannot tell."""

from dataclasses import replace

import numpy as np
import pytest

from grasp_decoder.bundle.bundle import load_bundle
from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.learning.newest_trials import Answers, require_better, require_comparable, split_newest
from grasp_decoder.system.demo_files import ready_bundle

from helpers.bundle_samples import make_trials

BINS = 10
TRIAL = np.repeat(np.arange(20), BINS)


def said(**shares):
    """For each task, answers of which a share is right, the wrong ones last in every trial."""
    return {task: Answers(np.tile(np.arange(BINS) < round(share * BINS), 20), TRIAL) for task, share in shares.items()}


def test_the_newest_quarter_is_left_out_of_what_is_learnt():
    trials = make_trials(40)
    older, newest = split_newest([*reversed(trials)])
    assert (older, newest) == (trials[:30], trials[30:])
    with pytest.raises(GraspDecoderError, match='29 trials are too few to compare'):
        split_newest(trials[:29])


def test_a_bundle_that_is_better_at_one_task_and_not_worse_at_the_other_is_better():
    line = require_better(said(object=0.9, phase=0.8), said(object=0.5, phase=0.8), 'day1')
    assert line == (
        'better than day1: on the newest 20 trials, of which it has learnt nothing, object 90.0% against 50.0% and '
        'phase 80.0% against 80.0%'
    )


@pytest.mark.parametrize(
    'new, running, words',
    [
        (said(object=0.5, phase=0.8), said(object=0.9, phase=0.8), r'is worse than day1 \(object\)'),
        (said(object=0.9, phase=0.7), said(object=0.5, phase=0.8), r'is worse than day1 \(phase\)'),
        (said(object=0.9, phase=0.8), said(object=0.9, phase=0.8), 'is not surely better than day1'),
        (said(phase=0.8), said(phase=0.8), 'newest 20 trials.*phase 80.0% against 80.0%$'),
    ],
)
def test_any_other_bundle_is_refused(new, running, words):
    with pytest.raises(GraspDecoderError, match=words):
        require_better(new, running, 'day1')


def test_one_lucky_trial_proves_nothing():
    running = said(object=0.8)
    lucky = running['object'].right | (TRIAL == 3)
    with pytest.raises(GraspDecoderError, match='not surely better'):
        require_better({'object': Answers(lucky, TRIAL)}, running, 'day1')


def test_only_bundles_with_the_same_bins_objects_and_tasks_are_compared():
    bundle = load_bundle(ready_bundle())
    phase_only = {'phase': bundle.manifest.tasks['phase']}
    require_comparable(bundle, bundle)
    for words, changes in (
        ('other width of bins', {'bin_s': 0.08}),
        ('other copies of objects', {'merge': {2: 1}}),
        ('other tasks', {'tasks': phase_only}),
    ):
        with pytest.raises(GraspDecoderError, match=words):
            require_comparable(bundle, replace(bundle, manifest=replace(bundle.manifest, **changes)))
    neither = replace(bundle, manifest=replace(bundle.manifest, tasks={}))
    with pytest.raises(GraspDecoderError, match='neither objects nor phases'):
        require_comparable(neither, neither)

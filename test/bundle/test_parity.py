# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""int8 decodes what float decodes: the limits that make a bundle edge-ready, and that real networks keep them."""

from dataclasses import replace

import numpy as np
import pytest

from grasp_decoder.bundle.engines.bundle_engines import BundleEngines, EngineOptions
from grasp_decoder.bundle.export.parity import edge_issues
from grasp_decoder.bundle.export.writing import write_bundle
from grasp_decoder.bundle.manifest import Parity, TaskManifest

from helpers.bundle_samples import make_manifest
from helpers.shared_data import shared_data

GOOD = Parity(
    bins=1000,
    agreement=0.99,
    confident_agreement=0.999,
    mean_difference=0.001,
    max_difference=0.1,
    float_score=0.9,
    int8_score=0.897,
)


def issues_of(task, cpu_operators=(), **changes):
    return edge_issues(
        {
            task: TaskManifest(
                'm', 'recurrent', 1, (0.0,) * 256, 1.0, {}, parity=replace(GOOD, **changes), cpu_operators=cpu_operators
            )
        }
    )


def test_within_the_limits_nothing_is_wrong():
    assert issues_of('object') == issues_of('dof', int8_score=0.891) == ()


@pytest.mark.parametrize(
    'changes, message',
    [
        ({'agreement': 0.979}, 'same class in 97.90%'),
        ({'confident_agreement': 0.994}, 'margin above 0.05'),
        ({'int8_score': 0.894}, 'int8 scores 0.8940, float 0.9000'),
        ({'cpu_operators': ('UNPACK #3',)}, 'UNPACK #3 would stay on the CPU'),
    ],
)
def test_each_limit_keeps_a_bundle_from_being_edge_ready(changes, message):
    (issue,) = issues_of('object', **changes)
    assert message in issue


@pytest.mark.slow
def test_the_default_networks_are_edge_ready_on_a_full_session(tmp_path):
    from grasp_decoder.features.splits import split_trials
    from grasp_decoder.features.trial_bins import bin_trials
    from grasp_decoder.learning.models.fitting import fit
    from grasp_decoder.recording.reading import read_session

    session = read_session(shared_data('MSyn40.neo.mat'))
    split = split_trials(bin_trials(session))
    networks = [fit(task, split.train, split.validation, split.classes) for task in ('phase', 'object')]
    bundle = write_bundle(
        tmp_path / 'bundle',
        networks,
        split.train,
        split.validation,
        make_manifest(
            units=session.unit_count, look_back=12, classes=split.classes, labels=tuple(map(str, split.classes))
        ),
    )
    assert bundle.manifest.edge_issues == ()
    engines = BundleEngines(bundle, EngineOptions('float', 'cpu'))
    for network in networks:
        runner = engines.runner(network.task)
        for trial, expected in zip(split.validation[:3], network.predict(split.validation[:3])):
            runner.reset()
            np.testing.assert_allclose([runner.step(counts) for counts in trial.counts], expected, atol=1e-3)

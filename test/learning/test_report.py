# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""The report, of one session and of several."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest

from grasp_decoder.evidence import EvidenceRule
from grasp_decoder.features.trial_bins import TrialBins
from grasp_decoder.learning.evaluation.decoded_trials import DecodedTrial
from grasp_decoder.learning.evaluation.elapsed_time import fit_elapsed_time
from grasp_decoder.learning.evaluation.evaluation import Evaluation, TrainingFacts
from grasp_decoder.learning.evaluation.scores import scores
from grasp_decoder.learning.report.groups import animal_of, grouped
from grasp_decoder.learning.report.report import write_joint_report, write_report
from grasp_decoder.objects import GraspObject, ObjectCatalogue

CLASSES = (21, 22, 31)


def evaluation(name, seed):
    rng = np.random.default_rng(seed)
    decoded = []
    for trial_id in range(12):
        phase = np.repeat([0, 1, 0], 6).astype(np.uint8)
        trial = TrialBins(
            trial_id=trial_id,
            object_id=CLASSES[trial_id % 3],
            recorded_object_id=CLASSES[trial_id % 3],
            bin_ns=40_000_000,
            start_ns=0,
            counts=rng.poisson(1, (18, 4)).astype(np.uint16),
            phase=phase,
            dof=phase.astype(np.float32),
            event_bins={'Cue': 1, 'Go': 4, 'Hold': 6, 'Rew': 12, 'End': 17},
        )
        decoded.append(
            DecodedTrial(trial, phase > 0, rng.dirichlet(np.ones(3), 18).astype(np.float32), trial.dof[:, None])
        )
    facts = TrainingFacts(
        units=4,
        trials=13,
        usable_trials=12,
        bin_ms=40.0,
        split_sizes=(6, 3, 3),
        random_states=(42,),
        final=False,
        started_from=None,
        earlier=('day1',),
        ended_early=(),
        left_out=(),
        models={},
    )
    return Evaluation(
        name,
        CLASSES,
        3,
        [decoded],
        decoded,
        decoded,
        timing={'read_s': 1.0},
        facts=facts,
        evidence=EvidenceRule.for_unknown(3),
        late={0.0: decoded},
        elapsed_time=fit_elapsed_time([each.trial for each in decoded]),
    )


@pytest.mark.slow
def test_report_of_one_session(tmp_path):
    found = evaluation('MSyn40 <b>', 0)
    write_report(tmp_path, found)
    metrics = json.loads((tmp_path / 'metrics.json').read_text())
    assert metrics.pop('timing') == {'read_s': 1.0}
    assert metrics == json.loads(json.dumps(scores(found)))
    page = (tmp_path / 'report.html').read_text()
    assert metrics['object']['go_and_hold']['n_windows'] == 12 * 8 and 'from Go to the end of hold' in page
    assert f'{100 * metrics["object"]["accuracy"]:.1f} %' in page
    assert 'MSyn40 &lt;b&gt;' in page and '<b>' not in page.split('class="tiles"')[0]
    assert all(source.startswith('data:') for source in re.findall(r'(?:src|href)="([^"]*)"', page))


@pytest.mark.slow
def test_the_report_shows_what_a_clock_would_do_and_how_sure_the_hand_is(tmp_path):
    write_report(tmp_path, evaluation('MSyn40', 0))
    metrics = json.loads((tmp_path / 'metrics.json').read_text())
    assert metrics['phase']['elapsed_time']['f1'] == 1.0  # all trials take their time alike
    assert metrics['dof']['elapsed_time']['r2'] == pytest.approx(1.0)
    assert metrics['phase']['by_start'] == [{'late_s': 0.0, 'trials': 12, 'f1': 1.0, 'elapsed_time_f1': 1.0}]
    assert set(metrics['object']['grip_posterior']) == {'before_cue', 'cue_to_go', 'hold'}
    page = (tmp_path / 'report.html').read_text()
    by_sampling = metrics['object']['grip_posterior']['hold']['error_by_sampling']
    assert 'by sampling alone' in page and 0 <= by_sampling['median'] <= by_sampling['p95']
    assert page.count('elapsed time alone') >= 3 and 'posterior over grips' in page
    write_report(tmp_path / 'outside', replace(evaluation('MSyn40', 0), elapsed_time=None, evidence=None))
    assert 'posterior over grips' not in (tmp_path / 'outside' / 'report.html').read_text()


@pytest.mark.slow
def test_objects_are_called_as_the_catalogue_calls_them_and_shapes_are_scored_where_it_has_sizes(tmp_path):
    write_report(tmp_path / 'a', evaluation('MSyn40', 0))
    objects = ObjectCatalogue((GraspObject(21, 'side'), GraspObject(22, 'precision')))
    write_report(tmp_path / 'b', replace(evaluation('MSyn40', 0), objects=objects))
    papers, named = ((tmp_path / folder / 'report.html').read_text() for folder in ('a', 'b'))
    assert '<td>21</td>' in papers and 'shape × size' in papers
    assert all(f'<td>{name}</td>' in named for name in ('side', 'precision', '31')) and 'shape × size' not in named


@pytest.mark.slow
def test_the_same_evaluation_gives_the_same_report(tmp_path):
    for folder in ('a', 'b'):
        write_report(tmp_path / folder, evaluation('MSyn40', 0))
    for file in (tmp_path / 'a').iterdir():
        assert file.read_bytes() == (tmp_path / 'b' / file.name).read_bytes(), file.name


def test_report_of_several_sessions(tmp_path):
    evaluations = [evaluation('MSyn40', 0), evaluation('MSyn41', 1), evaluation('ZSyn32', 2)]
    write_joint_report(tmp_path, evaluations)
    found = json.loads((tmp_path / 'metrics.json').read_text())
    accuracy = [found['sessions'][each.name]['object']['accuracy'] for each in evaluations]
    groups = found['groups']
    assert groups['animal M']['object']['accuracy'] == pytest.approx(np.mean(accuracy[:2]))
    assert groups['animal Z']['object']['accuracy'] == pytest.approx(accuracy[2])
    assert groups['global']['object']['accuracy'] == pytest.approx(np.mean(accuracy))
    page = (tmp_path / 'report.html').read_text()
    assert all(name in page for name in ('MSyn40', 'ZSyn32', 'animal M', 'global', 'table 4', 'chance'))
    assert page.count('<img') == 3 and (tmp_path / 'confusion_ZSyn32.png').exists()


def test_the_interval_of_a_mean_of_sessions_is_narrower():
    one = {'object': {'accuracy': 0.5, 'ci95': [0.4, 0.6]}}
    group = dict(grouped([('M1', one), ('M2', one), ('M3', one), ('M4', one)]))['global']
    assert group['object']['accuracy'] == 0.5 and group['object']['ci95'] == pytest.approx([0.45, 0.55])


def test_animals_are_named_by_their_sessions():
    assert [animal_of(name) for name in ('MRec40', 'ZRec32', 'reach97')] == ['M', 'Z', 'reach97']

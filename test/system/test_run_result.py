# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""A run is recorded, recounted against the offline decoder, and scored."""

import json
from dataclasses import replace

import numpy as np
import pytest

from grasp_decoder.bundle.bundle import load_bundle
from grasp_decoder.bundle.engines.bundle_engines import BundleEngines, EngineOptions
from grasp_decoder.control.grip_table import load_grip_table
from grasp_decoder.decoding.streaming import StreamingDecoder
from grasp_decoder.features.binning import Binner
from grasp_decoder.recording.batches import batches
from grasp_decoder.recording.session import Session, Trial, Unit
from grasp_decoder.safe_file import write_json
from grasp_decoder.system.offline_decoder import OfflineDecoder
from grasp_decoder.system.played_trials import played_trials
from grasp_decoder.system.run_record import RunRecord
from grasp_decoder.system.run_result import add_note, problem, run_result, score_run, summary, trial_marks
from grasp_decoder.system.verification import count_wrong_bins, expected_bins
from grasp_decoder.types.hand_command import HandCommand, HandMode
from grasp_decoder.types.hand_state import HandState
from grasp_decoder.types.time import NS_PER_S

from helpers.bundle_samples import CLASSES, UNITS

BIN_NS = 40_000_000


@pytest.fixture(scope='module')
def engines(sample_bundle):
    return BundleEngines(load_bundle(sample_bundle), EngineOptions(backend='cpu'))


@pytest.fixture(scope='module')
def session():
    rng = np.random.default_rng(0)
    trials = []
    for number in range(3):
        start = number * 3 * NS_PER_S
        stop = start + 2 * NS_PER_S + 10_000_000
        times = np.sort(rng.integers(start, stop, 900))
        events = {
            label: start + int(s * NS_PER_S)
            for label, s in (('Cue', 0.3), ('Go', 0.8), ('Hold', 1.0), ('Rew', 1.6), ('End', 2.0))
        }
        units = rng.integers(0, UNITS, 900).astype(np.uint16)
        trials.append(Trial(number, start, stop, events, CLASSES[number], number != 1, times, units))
    return Session('made', tuple(Unit(number) for number in range(UNITS)), tuple(trials))


@pytest.fixture
def record(session, engines):
    """What a faultless run would have published."""
    record = RunRecord()
    decoder, binner = StreamingDecoder(engines), Binner(BIN_NS, UNITS)
    for batch in batches(session, 10_000_000):
        record.bins.extend(binner.push(batch))
        for decode in decoder.push(batch):
            decode = replace(decode, due_ns=decode.stamp_ns + 7, receive_duration=0.001)
            record.decodes.append(decode)
            record.commands.append(
                HandCommand(decode.stamp_ns, decode.due_ns, HandMode.OPEN, 'power', 0.0, '', decode.due_ns + 2_000_000)
            )
            record.samples.append(HandState(decode.stamp_ns, decode.stamp_ns, 0.0, False))
    return record


def wrong_bins(record, session, engines):
    return count_wrong_bins(record, session, session.trials, OfflineDecoder(engines.bundle, engines.options))


def test_faultless_run_has_no_wrong_bin(record, session, engines):
    assert expected_bins(session.trials, BIN_NS) == len(record.decodes) == 150
    assert wrong_bins(record, session, engines) == 0


def test_changed_count_is_a_wrong_bin(record, session, engines):
    counts = record.bins[7].counts.copy()
    counts[3] += 1
    record.bins[7] = replace(record.bins[7], counts=counts)
    assert wrong_bins(record, session, engines) == 1


@pytest.mark.parametrize(
    'change',
    [
        {'phase_probability': np.nextafter(np.float32(0.5), np.float32(1))},
        {'object_probability': np.zeros(len(CLASSES), np.float32)},
        {'object_id': -1},
        {'aperture': 0.0},
    ],
)
def test_changed_output_is_a_wrong_bin(record, session, engines, change):
    record.decodes[60] = replace(record.decodes[60], **change)
    assert wrong_bins(record, session, engines) == 1


def test_missing_repeated_and_uncalled_for_bins_are_wrong(record, session, engines):
    del record.decodes[20]
    record.decodes.append(record.decodes[30])
    record.decodes.append(replace(record.decodes[31], bin=1000))
    assert wrong_bins(record, session, engines) == 3


def test_result_counts_usable_trials_and_measures_latency(record, session, engines):
    record.commands.append(replace(record.commands[-1], due_ns=0))  # of the watchdog: answers no decode
    result = run_result(record, session, session.trials, engines.bundle, load_grip_table())
    assert result['trials'] == 3
    assert result['trials_usable'] == 2
    assert result['bins'] == 150
    assert result['lost_batches'] == 0
    assert result['latency_ms'] == {'p50': 2.0, 'p99': 2.0, 'max': 2.0}
    assert result['stages_ms']['total'] == pytest.approx({'p50': 2.0, 'p99': 2.0, 'max': 2.0})
    inside = [result['stages_ms'][stage]['p50'] for stage in ('receive', 'binning', 'inference', 'command')]
    assert all(np.isfinite(inside))
    assert result['closed_rate'] == 0.0
    decodes = [decode for decode in record.decodes if decode.segment != 1]
    truth = np.array([25 <= decode.bin < 40 for decode in decodes])
    assert result['phase_accuracy'] == pytest.approx(np.mean([d.phase == t for d, t in zip(decodes, truth)]))
    right = [decode.object_id == CLASSES[decode.segment] for decode, hold in zip(decodes, truth) if hold]
    assert result['object_accuracy'] == pytest.approx(np.mean(right))


def test_run_at_full_speed_is_judged_by_its_decoding_only(record, session, engines):
    result = run_result(record, session, session.trials, engines.bundle, load_grip_table(), paced=False)
    assert result['bins'] == 150
    assert result['phase_accuracy'] is not None
    assert result['closed_rate'] is result['success_rate'] is result['latency_ms']['p50'] is None
    assert 'full speed' in result['note']


def test_result_of_nothing_is_still_a_result(session, engines):
    result = run_result(RunRecord(), session, session.trials, engines.bundle, load_grip_table())
    assert wrong_bins(RunRecord(), session, engines) == result['bins'] == 150
    assert result['latency_ms'] == {'p50': None, 'p99': None, 'max': None}
    assert result['phase_accuracy'] is None


def test_marks_use_the_class_and_do_without_cue_and_go(session):
    trial = replace(session.trials[0], events={'Hold': 5, 'Rew': 9}, object_id=11)
    marks = trial_marks(trial, 4, {11: 41})
    assert (marks.object_id, marks.segment) == (41, 4)
    assert (marks.cue_ns, marks.go_ns) == (trial.start_ns, 5)


def test_saved_run_can_be_recounted(record, session, engines, tmp_path):
    record.commands.pop(10)
    record.save(tmp_path / 'run.npz', [trial.id + 100 for trial in session.trials])
    saved = np.load(tmp_path / 'run.npz')
    assert saved['trial'].tolist() == [decode.segment + 100 for decode in record.decodes]
    assert np.array_equal(saved['bin'], [decode.bin for decode in record.decodes])
    assert saved['counts'].sum() == sum(int(each.counts.sum()) for each in record.bins)
    assert np.array_equal(saved['probabilities'], [decode.object_probability for decode in record.decodes])
    assert np.array_equal(saved['class'], [decode.object_id for decode in record.decodes])
    assert np.isnan(saved['latency_ms'][10]) and np.nanmax(saved['latency_ms']) == 2.0
    assert len(saved['command_state']) == 149 and saved['hand_lift'].max() == 0.0


def test_only_trials_that_were_played_to_their_end_are_scored(record, session, engines):
    whole = run_result(record, session, session.trials, engines.bundle, load_grip_table())
    assert {outcome['trial'] for outcome in whole['outcomes']} == {0, 2} and 'early' not in whole['note']
    record.decodes = [decode for decode in record.decodes if (decode.segment, decode.bin) < (2, 20)]
    cut = run_result(record, session, session.trials, engines.bundle, load_grip_table())
    assert {outcome['trial'] for outcome in cut['outcomes']} == {0}
    assert 'ended early, in trial 3 of 3: 2 trials were played' in cut['note']


def test_a_trial_in_which_nothing_is_to_be_grasped_ends_the_one_before_it(record, session, monkeypatch):
    catch = replace(session.trials[1], events={'Cue': session.trials[1].events['Cue']})
    marks = []
    monkeypatch.setattr('grasp_decoder.system.run_result.score_trials', lambda trials, *_: marks.extend(trials) or [])
    score_run(record, (session.trials[0], catch, session.trials[2]), {}, load_grip_table())
    end_ns = catch.stop_ns
    assert [(each.over_ns, each.counts) for each in marks] == [
        (catch.events['Cue'], True),
        (session.trials[2].events['Cue'], False),
        (float('inf'), True),
    ]
    assert (marks[1].go_ns, marks[1].hold_ns, marks[1].rew_ns) == (end_ns, end_ns, end_ns)


def test_a_trial_whose_hand_had_no_time_to_let_go_is_not_scored(record, session):
    def played(last):
        decodes = [decode for decode in record.decodes if (decode.segment, decode.bin) <= last]
        return played_trials(decodes, session.trials, BIN_NS).count

    cue_bin = 7  # the Cue of trial 1 comes in this bin
    assert [played(last) for last in ((1, cue_bin - 1), (1, cue_bin), (2, 48), (2, 49))] == [0, 1, 2, 3]


def test_nothing_is_scored_when_decodes_belong_to_no_trial(record, session, engines):
    record.decodes.append(replace(record.decodes[-1], segment=3))
    result = run_result(record, session, session.trials, engines.bundle, load_grip_table())
    assert result['outcomes'] == [] and result['success_rate'] is result['phase_accuracy'] is None
    assert 'belong to no trial' in result['note']


def test_a_run_without_a_decode_says_so(session):
    assert played_trials([], session.trials, BIN_NS).count == 0


def test_a_result_says_when_its_bins_were_not_compared(record, session, engines):
    result = run_result(record, session, session.trials, engines.bundle, load_grip_table())
    assert result['wrong_bins'] is None and 'not compared' in problem(result)
    assert '- of 150' in summary(result)
    assert problem({'wrong_bins': 0}) == '' and '3 bins are missing or differ' in problem({'wrong_bins': 3})
    offline = OfflineDecoder(engines.bundle, engines.options)
    assert count_wrong_bins(record, session, session.trials, offline, lambda: False) is None


def test_a_reason_is_added_to_the_note(tmp_path):
    write_json(tmp_path / 'result.json', {'note': 'too short', 'bins': 3})
    add_note(tmp_path / 'result.json', 'decoder has ended with status 2')
    found = json.loads((tmp_path / 'result.json').read_text())
    assert found == {'note': 'too short; decoder has ended with status 2', 'bins': 3}

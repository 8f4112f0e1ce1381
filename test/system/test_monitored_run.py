# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""MonitoredRun: who is waited for, one line per trial, when a run is over, and the result that it writes."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from grasp_decoder.bundle.bundle import load_bundle
from grasp_decoder.bundle.engines.bundle_engines import BundleEngines, EngineOptions
from grasp_decoder.decoding.info import decoder_info
from grasp_decoder.decoding.streaming import StreamingDecoder
from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.recording.batches import batches
from grasp_decoder.recording.reading import read_session
from grasp_decoder.recording.synthetic import synthesize
from grasp_decoder.recording.writing import write_session
from grasp_decoder.system.monitored_run import Connections, MonitoredRun
from grasp_decoder.system.node_settings import MonitorSettings
from grasp_decoder.system.offline_decoder import OfflineDecoder
from grasp_decoder.system.verification import count_wrong_bins
from grasp_decoder.types.hand_command import HandCommand, HandMode
from grasp_decoder.types.hand_state import HandState
from grasp_decoder.types.time import NS_PER_S

ALL_THERE = Connections(replayer_answers=True, spike_subscribers=3, command_publishers=1, decode_subscribers=2)


@pytest.fixture(scope='module')
def settings(sample_bundle, other_bundle, tmp_path_factory):
    folder = tmp_path_factory.mktemp('run')
    write_session(synthesize(units=24, trials=3, objects=2)[0], folder / 'session.mat')
    shutil.copytree(sample_bundle, folder / 'bundle')
    shutil.copytree(other_bundle, folder / 'next')
    return MonitorSettings(session=str(folder / 'session.mat'), bundle=str(folder / 'bundle'), hand='mujoco')


def open_bundle(path):
    return BundleEngines(load_bundle(path), EngineOptions('int8', backend='cpu'))


class Play:
    """A monitored run, and what its nodes would publish."""

    def __init__(self, settings):
        self.now_s = 0.0
        self.lines = []
        self.at = {}  # number of a batch -> what happens before it
        self.run = MonitoredRun(settings, self.lines.append, lambda: self.now_s)
        self._session = read_session(settings.session)
        self._decoder = StreamingDecoder(open_bundle(settings.bundle))

    def announce(self):
        self.run.take_info(decoder_info(self._decoder, 0))
        self.run.take_state(HandState(0, 0, 0.0, False, joint_name=('a',), joint_position=(1.0,)))

    def tell_time(self, world_s):
        self.run.take_state(HandState(0, round(world_s * NS_PER_S), 0.0, False))

    def prepare(self, bundle):
        self._successor = self._decoder.prepare(open_bundle(bundle))

    def exchange(self):
        self._decoder.swap(self._successor)
        self.run.take_info(decoder_info(self._decoder, 0))

    def track_drift(self, on):
        self._decoder.track_drift(on)

    def trials(self, count=3):
        for batch in batches(self._session, 10_000_000, self._session.trials[:count]):
            if batch.sequence in self.at:
                self.at[batch.sequence]()
            self.run.take_spikes(batch)
            for decode in self._decoder.push(batch):
                decode = replace(decode, due_ns=decode.stamp_ns, receive_duration=0.001)
                self.run.take_decode(decode)
                self.run.take_command(HandCommand(decode.stamp_ns, decode.due_ns, HandMode.OPEN, 'power', 0.0, ''))


@pytest.mark.parametrize(
    'change, missing',
    [
        ({}, []),
        ({'replayer_answers': False}, ['spike_replayer']),
        ({'spike_subscribers': 2}, ['decoder']),
        ({'command_publishers': 0}, ['hand_bridge']),
        ({'decode_subscribers': 1}, ['hand_bridge']),
    ],
)
def test_a_node_that_is_not_connected_is_waited_for(settings, change, missing):
    play = Play(settings)
    play.announce()
    assert list(play.run.missing(replace(ALL_THERE, **change))) == missing


def test_a_bridge_that_does_not_hear_the_hand_yet_is_waited_for(settings):
    play = Play(settings)
    play.announce()
    play.run.take_command(HandCommand(0, 0, HandMode.SAFE, 'power', 0.0, 'no hand: waiting for hand/state'))
    assert list(play.run.missing(ALL_THERE)) == ['hand_bridge, which does not hear the hand yet']
    play.run.take_command(HandCommand(1, 0, HandMode.SAFE, 'power', 0.0, 'no decode has come yet'))
    assert not list(play.run.missing(ALL_THERE))


def test_a_decoder_and_a_hand_that_said_nothing_are_waited_for(settings):
    assert list(Play(settings).run.missing(ALL_THERE)) == ['decoder', 'the hand (mujoco)']
    assert list(Play(replace(settings, hand='none')).run.missing(ALL_THERE)) == ['decoder']


def test_a_trial_is_told_of_when_the_next_one_shows_its_cue_and_the_last_one_at_the_end(settings):
    play = Play(settings)
    play.announce()
    play.trials(2)
    play.run.report_last_trials()  # of a run that is interrupted
    assert [line.split()[:2] for line in play.lines] == [['trial', '1/3']] and not play.run.complete
    play = Play(settings)
    play.announce()
    play.trials()
    assert len(play.lines) == 2 and play.run.complete
    play.run.report_last_trials()
    assert [line.split()[1] for line in play.lines] == ['1/3', '2/3', '3/3']


def test_a_decoder_that_has_stopped_is_silent(settings):
    play = Play(settings)
    play.now_s = 100.0
    play.run.begin()
    play.now_s += settings.silence_s
    assert not play.run.silent
    play.now_s += 0.1
    assert play.run.silent
    play.trials(1)
    assert not play.run.silent


def test_a_world_that_is_slow_is_not_silent_while_its_time_does_not_pass(settings):
    play = Play(replace(settings, clock='simulated'))
    play.tell_time(7.0)
    play.run.begin()
    play.now_s += 100 * settings.silence_s
    play.tell_time(7.0 + settings.silence_s)
    assert not play.run.silent
    play.tell_time(7.1 + settings.silence_s)
    assert play.run.silent


def test_the_result_and_the_record_are_written(settings, tmp_path):
    result, record = tmp_path / 'result.json', tmp_path / 'run.npz'
    play = Play(replace(settings, result=str(result), record=str(record)))
    play.announce()
    play.trials()
    assert play.run.write_result() == ''
    written = json.loads(result.read_text())
    assert (written['trials'], written['wrong_bins']) == (3, 0) and play.run.lost_batches == 0
    assert len(np.load(record)['bin']) == written['bins']


def test_the_result_is_kept_before_the_bins_are_compared(settings, tmp_path):
    result = tmp_path / 'result.json'
    play = Play(replace(settings, result=str(result)))
    play.announce()
    play.trials(2)
    seen = []

    def goes_on():
        seen.append(json.loads(result.read_text()))
        return len(seen) < 3

    assert 'not compared' in play.run.write_result(goes_on)
    for kept in (*seen, json.loads(result.read_text())):
        assert kept['wrong_bins'] is None and kept['partial'] and kept['trials'] == 3
        assert 'ended early' in kept['note'] and 'not compared' in kept['note']


def test_a_run_that_is_interrupted_opens_no_decoder_any_more(settings, tmp_path, monkeypatch):
    play = Play(replace(settings, result=str(tmp_path / 'result.json')))
    play.announce()
    play.trials(2)
    monkeypatch.setattr('grasp_decoder.system.monitored_run.OfflineDecoder', None)
    assert 'not compared' in play.run.write_result(lambda: False)


def test_missing_bins_are_told(settings, tmp_path):
    play = Play(replace(settings, result=str(tmp_path / 'result.json')))
    play.announce()
    play.trials(2)
    assert 'bins are missing' in play.run.write_result()


def test_a_result_that_cannot_be_written_is_told(settings, tmp_path):
    play = Play(replace(settings, result=str(tmp_path / 'nowhere' / 'result.json')))
    play.announce()
    play.trials()
    with pytest.raises(GraspDecoderError, match='nowhere/result.json: cannot be written'):
        play.run.write_result()
    assert json.loads(play.lines[-1])['trials'] == 3


def test_without_a_file_the_result_is_told(settings):
    play = Play(replace(settings, speed=0.0))
    play.announce()
    play.trials()
    assert [line.split()[-1] for line in play.lines] == ['decoded'] * 2
    play.run.write_result()
    assert 'full speed' in json.loads(play.lines[-1])['note']


@pytest.fixture
def short_memory(monkeypatch):
    """Few bins are remembered, so that it matters when a bundle began to run beside the other one."""
    monkeypatch.setattr('grasp_decoder.decoding.streaming.REMEMBERED_BINS', 20)
    monkeypatch.setattr('grasp_decoder.features.drift.MEMORY_NS', 2 * NS_PER_S)


def test_bins_are_compared_with_a_decoder_that_exchanges_bundles_and_tracks_drift_as_the_running_one_did(
    settings, tmp_path, short_memory
):
    result = tmp_path / 'result.json'
    play = Play(replace(settings, result=str(result)))
    play.announce()
    play.at = {
        150: lambda: play.track_drift(True),
        500: lambda: play.prepare(Path(settings.bundle).with_name('next')),
        610: play.exchange,
        900: lambda: play.track_drift(False),
    }
    play.trials()
    assert play.run.write_result() == ''
    record = play.run.record
    assert {decode.bundle for decode in record.decodes} == {info.bundle_sha256[:12] for info in record.infos}
    assert 0 < sum(decode.drift > 0 for decode in record.decodes) < len(record.decodes)
    # It matters that all of this is followed.
    for change in ({'took_over_ns': 0}, {'prepared_ns': record.infos[1].took_over_ns}):
        infos = [record.infos[0], replace(record.infos[1], **change)]
        offline = OfflineDecoder(load_bundle(settings.bundle), EngineOptions('int8', 'cpu'), infos)
        session = read_session(settings.session)
        assert count_wrong_bins(record, session, session.trials, offline)
    alone, options = load_bundle(shutil.copytree(settings.bundle, tmp_path / 'alone')), EngineOptions('int8', 'cpu')
    with pytest.raises(GraspDecoderError, match=r'does not lie in .*bundle_folders'):
        OfflineDecoder(alone, options, record.infos)
    assert OfflineDecoder(alone, options, record.infos, [Path(settings.bundle).parent]).bundle == alone


def test_a_bundle_that_took_over_and_is_not_there_any_more_is_named(settings):
    play = Play(settings)
    play.announce()
    play.trials()
    play.run.record.infos.append(replace(play.run.record.infos[0], bundle_sha256='gone', took_over_ns=1))
    with pytest.raises(GraspDecoderError, match='took over in this run, and does not lie in .*bundle_folders'):
        play.run.write_result()

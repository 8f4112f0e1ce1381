# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""A recorded run is shown at each moment as it was shown while it went on."""

import numpy as np
import pytest

from grasp_decoder.control.grip_table import load_grip_table
from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.page import words
from grasp_decoder.page.seen_run import SeenRun, Status
from grasp_decoder.recording import mcap
from grasp_decoder.recording.mcap import Recorder
from grasp_decoder.system import interfaces
from grasp_decoder.system.recorded_run import RecordedRun
from grasp_decoder.types.decoded_grasp import DecodedGrasp
from grasp_decoder.types.decoder_info import DecoderInfo
from grasp_decoder.types.hand_command import HandCommand
from grasp_decoder.types.hand_state import HandState
from grasp_decoder.types.spike_batch import SpikeBatch
from grasp_decoder.types.time import NS_PER_MS
from grasp_decoder.types.trial_event import TrialEvent

from helpers.healthy_decodes import INFO, Decoder
from helpers.told_trials import BIN_MS, TRIAL_MS, told

pytest.importorskip('rclpy', reason='no ROS 2 in this environment')
pytest.importorskip('grasp_decoder.msg', reason='the messages are not built: ./run builds them')

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rclpy.serialization import serialize_message
from sensor_msgs.msg import JointState

from grasp_decoder.nodes import conversion

GRIPS = load_grip_table()
START_NS = 1_700_000_000_000_000_000
TRIALS = 8
MOMENTS_S = (20.0, 3.0, 3.02, 0.0, 28.9, 12.5, 27.0)
WIRE = {
    DecoderInfo: (interfaces.DECODER_INFO, SeenRun.take_info, conversion.decoder_info_message),
    DecodedGrasp: (
        interfaces.DECODED_GRASP,
        SeenRun.take_decode,
        lambda each: conversion.decoded_grasp_message(each, ''),
    ),
    SpikeBatch: (interfaces.SPIKES, SeenRun.take_spikes, lambda each: conversion.spike_batch_message(each, '')),
    TrialEvent: (interfaces.TRIAL_EVENTS, SeenRun.take_event, lambda each: conversion.trial_event_message(each, '')),
    HandState: (interfaces.HAND_STATE, SeenRun.take_hand, lambda each: conversion.hand_state_message(each, 0)),
    HandCommand: (interfaces.HAND_COMMAND, SeenRun.take_command, conversion.hand_command_message),
    dict: (
        interfaces.JOINT_STATES,
        lambda run, each: run.take_joints(list(each), list(each.values())),
        lambda each: JointState(name=list(each), position=list(each.values())),
    ),
    Status: (
        interfaces.DIAGNOSTICS,
        SeenRun.take_status,
        lambda each: DiagnosticArray(
            status=[
                DiagnosticStatus(
                    name=each.name,
                    level=b'\x01',
                    message=each.message,
                    values=[KeyValue(key=key, value=value) for key, value in each.values.items()],
                )
            ]
        ),
    ),
}


def everything(prefix=''):
    """Yield (ms, what is said), with a decoder that is surer in every second trial, and some units dead later on."""
    decoder = Decoder()
    yield 0, INFO
    for now_ms, thing in told(TRIALS, closes=lambda trial: trial != 1):
        yield now_ms, thing
        if isinstance(thing, HandCommand):
            trial = now_ms // TRIAL_MS
            yield now_ms, decoder.decode(grasp=0.99 if trial % 2 else 0.2, segment=trial, due_ns=now_ms * NS_PER_MS)
            units = np.arange(0, 96, 1 + trial, np.uint16)
            window_ns = BIN_MS * NS_PER_MS
            start_ns = now_ms * NS_PER_MS
            yield now_ms, SpikeBatch(0, trial, start_ns, start_ns + window_ns, 96, units, units.astype(np.uint32))
            yield now_ms, {'index_mcp': now_ms / 1e5, 'lift': 0.01}
            if now_ms % 1000 == 0 and now_ms > 20_000:
                yield now_ms, Status(f'{prefix}decoder: input', 'warning', 'without 2', {'dead units': '2: 3 17'})


def record(path, namespace=''):
    with Recorder(path) as recorder:
        for now_ms, thing in everything(namespace and f'{namespace}/'):
            topic, _, message = WIRE[type(thing)]
            name = topic.name if topic.name.startswith('/') else '/'.join(filter(None, ('', namespace, topic.name)))
            name = name if name.startswith('/') else f'/{name}'
            recorder.write(name, topic.type, serialize_message(message(thing)), START_NS + now_ms * NS_PER_MS)
    return path


def shown(run):
    """All that the page shows of a run."""
    parts = words.state(run), words.belief(run), words.health(run), words.units(run), words.outcomes(run, GRIPS.objects)
    history = [array.round(6).tolist() for array in run.belief.phase_history()]
    return (*parts, run.joints, run.left_out_units(), history, run.rates.hz.round(3).tolist())


def seen_live(moment_s):
    """What the page showed at this moment, when it had been open from the start."""
    now_s = 0.0
    run = SeenRun(GRIPS, clock=lambda: now_s)
    for now_ms, thing in everything():
        if now_ms / 1000 > moment_s:
            break
        now_s = now_ms / 1000
        WIRE[type(thing)][1](run, thing)
    now_s = moment_s
    return shown(run)


@pytest.fixture(scope='module')
def path(tmp_path_factory):
    return record(tmp_path_factory.mktemp('recorded') / 'run.mcap')


def test_every_moment_is_shown_as_it_was_wherever_one_comes_from(path):
    run = RecordedRun(path, GRIPS)
    assert run.start_ns == START_NS
    assert run.duration_s == pytest.approx(TRIALS * TRIAL_MS / 1000, abs=0.1)
    assert run.trials_s == pytest.approx([trial * TRIAL_MS / 1000 for trial in range(TRIALS)], abs=0.05)
    for moment_s in MOMENTS_S:
        assert shown(run.at(moment_s)) == seen_live(moment_s), moment_s
    assert run.at(28.0).outcomes.scored == TRIALS - 1
    assert 'not closed in time' in words.outcomes(run.at(12.0), GRIPS.objects)


def test_a_run_in_a_namespace_is_the_same(path, tmp_path):
    left = RecordedRun(record(tmp_path / 'left.mcap', 'left'), GRIPS)
    assert shown(left.at(25.0)) == shown(RecordedRun(path, GRIPS).at(25.0))


def test_a_recording_that_was_cut_off_is_shown_up_to_there(path, tmp_path):
    cut = tmp_path / 'cut.mcap'
    cut.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    run = RecordedRun(cut, GRIPS)
    assert 10 < run.duration_s < 25
    assert shown(run.at(9.0)) == seen_live(9.0)


def test_what_holds_no_run_is_refused_in_one_line(path, tmp_path):
    nothing, text = tmp_path / 'nothing.mcap', tmp_path / 'text.mcap'
    with Recorder(nothing):
        pass
    text.write_text('no recording')
    for file, problem in ((nothing, 'holds no run'), (text, 'not an MCAP file')):
        with pytest.raises(GraspDecoderError, match=rf'^[^\n]*{file.name}: [^\n]*{problem}[^\n]*$'):
            RecordedRun(file, GRIPS)


def test_a_recording_whose_messages_lack_a_field_is_refused_in_one_line(tmp_path, monkeypatch):
    now = mcap.message_definition
    monkeypatch.setattr(mcap, 'message_definition', lambda name: now(name).replace('float32 drift', 'float32 other'))
    with pytest.raises(GraspDecoderError, match=r'^[^\n]*old.mcap: [^\n]*another version[^\n]*decoded_grasp[^\n]*$'):
        RecordedRun(record(tmp_path / 'old.mcap'), GRIPS)

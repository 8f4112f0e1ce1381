# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""What bundle and edgetpu say, and their exit statuses."""

import shutil

import pytest

from grasp_decoder.bundle.bundle import load_bundle
from grasp_decoder.bundle.export.writing import write_bundle
from grasp_decoder.cli import bundle, edgetpu, inspect, train
from grasp_decoder.recording.synthetic import synthesize
from grasp_decoder.recording.writing import write_session

from helpers.bundle_samples import make_manifest, make_network, make_trials
from helpers.tampered import copied_thirty_times


def test_show_tells_what_a_bundle_decodes(sample_bundle, capsys):
    assert bundle.main(['show', str(sample_bundle)]) == 0
    shown = capsys.readouterr().out
    assert '24 units in bins of 40 ms' in shown and ' '.join(make_manifest().labels) in shown and '2 held out' in shown


def test_verify_runs_every_model(sample_bundle, capsys):
    assert bundle.main(['verify', str(sample_bundle)]) == 0
    assert capsys.readouterr().out.count('runs on cpu') == 4


def test_verify_refuses_a_changed_bundle(sample_bundle, tmp_path, capsys):
    folder = shutil.copytree(sample_bundle, tmp_path / 'bundle')
    (folder / 'phase_int8.tflite').write_bytes(b'TFL3')
    assert bundle.main(['verify', str(folder)]) == 2
    assert 'phase_int8.tflite was changed' in capsys.readouterr().err


def test_keys_are_made_and_bundles_signed(sample_bundle, tmp_path, capsys):
    folder = shutil.copytree(sample_bundle, tmp_path / 'bundle')
    key, public = str(tmp_path / 'me'), str(tmp_path / 'me.pub')
    assert bundle.main(['keygen', key]) == 0
    assert bundle.main(['keygen', key]) == 2 and 'exists' in capsys.readouterr().err
    assert bundle.main(['verify', str(folder), '--trusted-keys', public]) == 2
    assert 'is not signed' in capsys.readouterr().err
    assert bundle.main(['sign', str(folder), '--key', key]) == 0
    assert bundle.main(['verify', str(folder), '--trusted-keys', public]) == 0
    assert bundle.main(['show', str(folder)]) == 0
    assert capsys.readouterr().out.count(load_bundle(folder).signer) == 3


@pytest.mark.parametrize(
    'command',
    [bundle.main, lambda argv: train.main(['--session', argv[1], '--out', 'nowhere', '--sign-with', argv[3]])],
)
def test_a_key_that_cannot_be_read_is_one_line_before_any_work(sample_bundle, command, capsys):
    assert command(['sign', str(sample_bundle), '--key', '/nowhere']) == 2
    assert capsys.readouterr().err == 'error: key file /nowhere cannot be read: No such file or directory\n'


def test_a_session_is_inspected_against_a_bundle(sample_bundle, tmp_path, capsys):
    session = synthesize(24, 20, 2)[0]
    write_session(session, tmp_path / 'clean.mat')
    assert inspect.main([str(tmp_path / 'clean.mat'), '--against', str(sample_bundle)]) == 0
    write_session(copied_thirty_times(session, copies=3)[0], tmp_path / 'copied.mat')
    assert inspect.main([str(tmp_path / 'copied.mat'), '--against', str(sample_bundle)]) == 1
    assert 'suspicious: trials 10, 11, 12 are 3 copies of trial 5\n' in capsys.readouterr().out


def test_diff_names_what_differs(sample_bundle, tmp_path, capsys):
    other, trials = tmp_path / 'other', make_trials()
    write_bundle(other, [make_network('phase', 'window')], trials, trials, make_manifest(name='other'))
    assert bundle.main(['diff', str(sample_bundle), str(sample_bundle)]) == 0
    assert capsys.readouterr().out == 'no difference\n'
    assert bundle.main(['diff', str(sample_bundle), str(other)]) == 1
    shown = capsys.readouterr().out
    assert 'name: sample -> other' in shown and 'files.phase_int8.tflite' in shown and 'tasks.object' in shown


def test_check_maps_every_operator_of_int8_models(sample_bundle, capsys):
    assert edgetpu.main(['check', *(str(sample_bundle / f'{task}_int8.tflite') for task in ('phase', 'object'))]) == 0
    shown = capsys.readouterr().out
    assert 'CPU' not in shown and 'FULLY_CONNECTED' in shown and 'of 8192 KiB' in shown


def test_check_says_why_a_float_model_does_not_map(sample_bundle, capsys):
    assert edgetpu.main(['check', str(sample_bundle / 'phase_float.tflite')]) == 1
    assert 'works on FLOAT32' in capsys.readouterr().out


@pytest.mark.parametrize(
    'content, message',
    [
        (None, 'cannot read'),
        (b'no model', 'is not a TFLite model'),
        (b'\xff\xff\xff\x7fTFL3', 'is a damaged TFLite model'),
    ],
)
def test_check_refuses_what_is_no_model(tmp_path, capsys, content, message):
    path = tmp_path / 'model.tflite'
    if content:
        path.write_bytes(content)
    assert edgetpu.main(['check', str(path)]) == 2
    assert message in capsys.readouterr().err

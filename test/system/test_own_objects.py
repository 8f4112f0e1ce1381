# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Two objects of one's own, which the recording calls by names, from the file to the grasp: one YAML and no code."""

import json
import os
import subprocess
import sys

import pytest

from grasp_decoder.bundle.bundle import load_bundle
from grasp_decoder.cli import evaluate, synthesize, train
from grasp_decoder.recording.neo_mat import read_neo_mat

pytest.importorskip('grasp_decoder.msg', reason='the messages are not built: ./run builds them')
pytest.importorskip('mujoco')
pytestmark = pytest.mark.slow

CATALOGUE = """
objects:
  - {id: side, shape: plate, size_m: 0.03, grip: lateral}
  - {id: precision, shape: cube, size_m: 0.015, grip: precision}
"""
GRIPS = {'side': 'lateral', 'precision': 'precision'}
REPLAY_DECODE = (sys.executable, '-c', 'import sys; from grasp_decoder.cli.replay_decode import main; sys.exit(main())')


@pytest.fixture(scope='module')
def files(tmp_path_factory):
    """Paths of the catalogue, the session and the bundle."""
    folder = tmp_path_factory.mktemp('own_objects')
    catalogue, session, bundle = folder / 'my.yaml', folder / 'two.neo.mat', folder / 'bundle'
    catalogue.write_text(CATALOGUE)
    named = ['--objects', str(catalogue)]
    assert synthesize.main(['--out', str(session), '--units', '48', '--trials', '60', *named]) == 0
    options = ['--tasks', 'phase,object', '--baselines', 'none', *named]
    assert train.main(['--session', str(session), '--out', str(bundle), *options]) == 0
    return catalogue, session, bundle


def replay(files, domain_id, *options):
    _, session, bundle = files
    return subprocess.run(
        [*REPLAY_DECODE, '--session', session, '--bundle', bundle, '--hand', 'mujoco', '--split', 'test', *options],
        capture_output=True,
        text=True,
        env={**os.environ, 'ROS_DOMAIN_ID': str(domain_id)},
        timeout=240,
    )


def test_the_recording_has_names_and_the_bundle_and_its_report_use_them(files):
    _, session, bundle = files
    assert {trial.annotations['obj'] for trial in read_neo_mat(session).trials} == GRIPS.keys()
    manifest = load_bundle(bundle).manifest
    assert (manifest.classes, manifest.labels) == ((1, 2), ('side', 'precision'))
    page = (bundle / 'report' / 'report.html').read_text()
    assert all(f'<td>{name}</td>' in page for name in GRIPS) and 'shape × size' not in page


def test_the_simulated_hand_grasps_each_object_with_its_grip(files, domain_id, tmp_path):
    done = replay(files, domain_id, '--objects', files[0], '--trials', '6', '--json', tmp_path / 'result.json')
    assert done.returncode == 0, done.stderr
    result = json.loads((tmp_path / 'result.json').read_text())
    assert result['wrong_bins'] == 0
    assert result['right_grip_rate'] >= 0.5
    held = [line.split() for line in done.stdout.splitlines() if ' (right) ' in line and ' held ' in line]
    assert {(words[2], words[4]) for words in held} == set(GRIPS.items()), done.stdout


def test_what_was_trained_with_another_catalogue_is_refused(files, domain_id, tmp_path, capsys):
    assert 'give a catalogue that lists it (--objects' in replay(files, domain_id).stderr
    other = tmp_path / 'other.yaml'
    other.write_text('objects: [{id: [precision, side]}]')
    _, session, bundle = files
    problem = "calls object 1 'side', "
    done = replay(files, domain_id, '--objects', other)
    assert done.returncode == 2 and problem in done.stderr and "calls it 'precision'" in done.stderr
    options = ['--bundle', str(bundle), '--session', str(session), '--json', str(tmp_path / 'scores.json')]
    assert evaluate.main([*options, '--objects', str(other)]) == 2
    assert problem in capsys.readouterr().err
    assert evaluate.main([*options, '--objects', str(files[0])]) == 0

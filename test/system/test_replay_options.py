# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""What can be asked of a replay, and the options of command lines that are made from it."""

import argparse
from pathlib import Path

import pytest

from grasp_decoder.cli.replay_arguments import add_replay_arguments, replay_options
from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.system.replay_options import ReplayOptions


@pytest.fixture
def files(tmp_path):
    """The arguments that must be given, of files that exist."""
    for name in ('session', 'bundle', 'map.yaml'):
        (tmp_path / name).touch()
    (tmp_path / 'mine.yaml').write_text('/**/decoder: {ros__parameters: {threads: 2}}')
    return tmp_path


def parsed(*words, names=None, **defaults):
    parser = argparse.ArgumentParser()
    add_replay_arguments(parser, **({'names': names} if names else {}), **defaults)
    return replay_options(parser.parse_args([str(word) for word in words]))


def given(files):
    return '--session', files / 'session', '--bundle', files / 'bundle'


@pytest.mark.parametrize(
    'wrong',
    [
        {'hand': 'claw'},
        {'source': 'radio'},
        {'split': 'train'},
        {'speed': -1.0},
        {'speed': 0.05},
        {'trials': -1},
        {'record': 'a.txt'},
        {'namespace': 'left-hand'},
        {'source': 'live', 'result': 'a.json'},
        {'source': 'live', 'record': 'a.npz'},
        {'clock': 'simulated', 'hand': 'mujoco', 'source': 'live'},
        {'clock': 'simulated', 'hand': 'none'},
        {'clock': 'simulated', 'hand': 'ros'},
    ],
)
def test_an_impossible_run_is_refused(wrong):
    with pytest.raises(GraspDecoderError):
        ReplayOptions(session='session', bundle='bundle', **wrong)


def test_a_command_line_has_the_declared_defaults(files):
    expected = ReplayOptions(session=str(files / 'session'), bundle=str(files / 'bundle'))
    assert parsed(*given(files)) == expected


def test_every_option_arrives_and_paths_are_absolute(files, monkeypatch):
    monkeypatch.chdir(files)
    options = parsed(
        *('--session', 'session', '--bundle', 'bundle', '--map', 'map.yaml', '--params-file', 'mine.yaml'),
        *('--split', 'test', '--trials', 3, '--only-correct', '--speed', 2, '--hand', 'mujoco'),
        *('--json', 'out.json', '--record', 'run.npz', '--namespace', 'left/one'),
    )
    assert options == ReplayOptions(
        session=str(files / 'session'),
        bundle=str(files / 'bundle'),
        mapping=str(files / 'map.yaml'),
        params_file=str(files / 'mine.yaml'),
        split='test',
        trials=3,
        only_correct=True,
        speed=2.0,
        hand='mujoco',
        result=str(files / 'out.json'),
        record=str(files / 'run.npz'),
        namespace='left/one',
    )
    assert all(Path(path).is_absolute() for path in (options.session, options.result, options.record))


@pytest.mark.parametrize(
    'wrong, words',
    [
        (('--map', 'nowhere.yaml'), 'mapping: nowhere.yaml does not exist'),
        (('--params-file', 'map.yaml'), 'map.yaml: the parameter file names no node'),
        (('--json', 'nowhere/out.json'), 'nowhere'),
    ],
)
def test_files_are_checked_before_anything_starts(files, monkeypatch, wrong, words):
    monkeypatch.chdir(files)
    with pytest.raises(GraspDecoderError, match=words):
        parsed(*given(files), *wrong)


def test_a_command_line_may_have_fewer_options_and_other_defaults(files):
    assert parsed(*given(files), names=('session', 'bundle', 'split'), split='test').split == 'test'
    with pytest.raises(SystemExit):
        parsed(*given(files), '--trials', 3, names=('session', 'bundle'))

# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""inspect, synthesize and deidentify as a person uses them."""

import json
import stat
import zlib
from dataclasses import replace
from datetime import datetime

import h5py
import numpy as np
import pytest
from neo.io import NixIO
from scipy.io import savemat

from grasp_decoder.cli.cache import main as cache_command
from grasp_decoder.cli.deidentify import main as deidentify
from grasp_decoder.cli.inspect import main as inspect
from grasp_decoder.cli.synthesize import main as synthesize
from grasp_decoder.recording import cache as cache_module
from grasp_decoder.recording.cache import kept_sessions
from grasp_decoder.recording.reading import read_session
from grasp_decoder.sources.unit_map import read_unit_map
from grasp_decoder.types.time import NS_PER_S

from helpers.neo_blocks import make_block, make_segment, write_mat
from helpers.session_equality import assert_same_session

SMALL = ('--units', '12', '--trials', '8', '--objects', '2')


@pytest.mark.slow
def test_synthesize_then_inspect_with_a_picture(tmp_path, capsys):
    path, picture = tmp_path / 'x.neo.mat', tmp_path / 'x.png'
    assert synthesize(['--out', str(path), *SMALL]) == 0
    assert inspect([str(path), '--plot', str(picture)]) == 0
    text = capsys.readouterr().out
    for expected in ('12 units, 8 trials', 'AIP 4, F5 4, M1 4', 'objects: 2;', 'Go - Hold', 'usable'):
        assert expected in text
    assert picture.read_bytes().startswith(b'\x89PNG')


def test_inspect_says_why_nothing_can_be_learnt_from_a_session(tmp_path, capsys):
    write_mat(make_block(make_segment(events={'Start': 0.0, 'Hold': 0.5, 'End': 0.9})), tmp_path / 'x.mat')
    assert inspect([str(tmp_path / 'x.mat')]) == 0
    said = 'not for training: no trial has the events Hold and Rew, between which the hand grasps (found: End, Hold, '
    assert said in capsys.readouterr().out


def test_inspect_writes_the_unit_map_of_a_live_source(tmp_path, capsys):
    path, unit_map = tmp_path / 'x.neo.mat', tmp_path / 'map.csv'
    assert synthesize(['--out', str(path), *SMALL]) == 0
    assert inspect([str(path), '--units', str(unit_map)]) == 0
    assert 'unit: electrode/sort code  0: 0/1, ' in capsys.readouterr().out
    session = read_session(path)
    read_unit_map(unit_map).check(session.units, 'session')
    assert inspect([str(path), '--units', str(tmp_path / 'none' / 'map.csv')]) == 2


def test_several_days_are_several_files(tmp_path):
    assert synthesize(['--out', str(tmp_path / 'x.neo.mat'), '--days', '2', *SMALL]) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ['x_day1.neo.mat', 'x_day2.neo.mat']


def test_named_objects_are_made_read_and_kept(tmp_path, capsys):
    catalogue = tmp_path / 'my.yaml'
    catalogue.write_text('objects: [{id: side, grip: lateral}, {id: precision}]')
    path, out, named = str(tmp_path / 'x.neo.mat'), str(tmp_path / 'out.mat'), ('--objects', str(catalogue))
    assert synthesize(['--out', path, '--units', '6', '--trials', '4', *named]) == 0
    assert deidentify([path, out, *named]) == 0
    for file in (path, out):
        assert inspect([file, *named]) == 0
        text = capsys.readouterr().out
        assert ' side: ' in text and 'precision: ' in text
        assert inspect([file]) == 2
        assert 'give a catalogue that lists it (--objects' in capsys.readouterr().err


def test_a_table_of_trials_cuts_a_recording_and_its_old_name_is_refused(tmp_path, capsys):
    path, table = str(tmp_path / 'x.neo.mat'), tmp_path / 'table.csv'
    assert synthesize(['--out', path, '--units', '6', '--trials', '1', '--objects', '1']) == 0
    [trial] = read_session(path).trials
    middle_s, stop_s = (at_ns / NS_PER_S for at_ns in (trial.events['Go'] - 1, trial.stop_ns))
    table.write_text(f'segment,start_time,stop_time,obj\n0,0.0,{middle_s},21\n0,{middle_s},{stop_s},21\n')
    assert inspect([path, '--trial-table', str(table)]) == 0
    assert '6 units, 2 trials' in capsys.readouterr().out
    assert inspect([path, '--trials', str(table)]) == 2
    assert f'a table of trials is given as --trial-table {table}' in capsys.readouterr().err


def test_the_cache_is_shown_bounded_and_cleared(tmp_path, monkeypatch, capsys):
    paths = [tmp_path / f'{name}.mat' for name in ('first', 'second', 'third')]
    for seed, path in enumerate(paths):
        assert synthesize(['--out', str(path), *SMALL, '--seed', str(seed)]) == 0
    sessions = [read_session(path) for path in paths[:2]]
    sizes = [each.size for each in kept_sessions()]
    read_session(paths[0])  # the second is now the one that was not used for the longest time
    monkeypatch.setattr(cache_module, 'MOST_BYTES', sum(sizes) * 5 // 4)
    read_session(paths[2])
    assert len(kept_sessions()) == 2 and sum(trial.times_ns.sum() for trial in sessions[1].trials)
    capsys.readouterr()
    assert cache_command([]) == 0 and '2 sessions in' in capsys.readouterr().out
    read_session(paths[0])
    assert len(kept_sessions()) == 2, 'the first one was kept'
    assert cache_command(['--clear']) == 0 and kept_sessions() == []
    assert cache_command([]) == 0 and '0 sessions in' in capsys.readouterr().out


@pytest.fixture
def named_block():
    """A recording that says whose it is in every way that Neo knows."""
    segments = [
        make_segment(2.0, events={'Start': 0.0, 'Hold': 0.4, 'Ann came': 0.5, 'Rew': 0.8}),
        make_segment(7.0),
    ]
    segments[0].annotate(subject='Moe', note='after surgery', weight_kg=7.25)
    segments[0].name = 'Moe, Monday'
    segments[1].rec_datetime = datetime(1997, 1, 16, 10, 32)
    segments[1].events[0].description = 'seen by Joe'
    block = make_block(*segments, name='Moe 1997-01-16')
    block.file_origin = '/home/joe/Moe_02.nev'
    block.annotate(experimenter='Joe')
    return block


SECRETS = ('Moe', 'surgery', 'Joe', 'joe', 'Ann', '1997', '7.25')


def texts_of(group):
    found = []
    group.visititems(lambda _, each: found.append(each[()].decode('latin-1')) if hasattr(each, 'shape') else None)
    return found


@pytest.mark.slow
@pytest.mark.parametrize('suffix, written', [('.mat', '.mat'), ('.nix', '.mat'), ('.mat', '.nwb')])
def test_deidentify_removes_who_and_when_and_changes_nothing_else(tmp_path, named_block, capsys, suffix, written):
    path, out, told = tmp_path / f'Moe{suffix}', tmp_path / f'out{written}', tmp_path / 'report.json'
    if suffix == '.mat':
        write_mat(named_block, path, do_compression=False)
    else:
        with NixIO(str(path), 'ow') as file:
            file.write_block(named_block)
    (tmp_path / 'key').write_bytes(32 * b'k')
    (tmp_path / 'other').write_bytes(32 * b'o')
    assert deidentify([str(path), str(out), '--key', str(tmp_path / 'key'), '--report', str(told)]) == 0
    before, after = read_session(path), read_session(out)

    labels = {'Ann came': 'event_1'}
    renamed = [
        replace(trial, events={labels.get(label, label): time for label, time in trial.events.items()})
        for trial in before.trials
    ]
    origin = before.trials[0].start_ns
    assert origin > 0 and after.trials[0].start_ns == 0
    moved_back = replace(after, name=before.name, trials=tuple(trial.moved(origin) for trial in after.trials))
    assert_same_session(moved_back, replace(before, trials=tuple(renamed)))

    content = out.read_bytes()
    if written == '.mat':
        assert content[:116].strip() == b'MATLAB 5.0 MAT-file'
        content = zlib.decompress(content[136:])  # one compressed variable after header and tag
    content = content.decode('latin-1')
    assert ('spiketrains' if written == '.mat' else 'spike_times') in content
    if written == '.nwb':  # which carries its own specification, of thousands of words
        with h5py.File(out, 'r') as file:
            for text in texts_of(file['specifications']):
                content = content.replace(text, '')
    assert not [secret for secret in SECRETS if secret in content]
    shown = capsys.readouterr().out
    assert not [secret for secret in SECRETS if secret in shown]
    found = json.loads(told.read_text())
    assert stat.S_IMODE(told.stat().st_mode) == 0o600
    assert found['clock_s'] == origin / 1e9 and found['events'] == labels and found['name'] == after.name
    unsaid = [secret for secret in SECRETS if secret not in json.dumps(found['removed'])]
    assert unsaid == (['joe'] if suffix == '.nix' else [])  # NIX keeps no origin of a block
    assert not [secret for secret in SECRETS if secret in json.dumps(found['kept'])]

    assert deidentify([str(path), str(out), '--key', str(tmp_path / 'key'), '--report', str(told)]) == 2  # it is kept
    assert deidentify([str(path), str(out), '--key', str(tmp_path / 'key')]) == 0
    assert read_session(out).name == after.name != 'session'
    assert deidentify([str(path), str(out), '--key', str(tmp_path / 'other')]) == 0
    assert read_session(out).name != after.name
    assert deidentify([str(path), str(out)]) == 0
    assert read_session(out).name == 'session'


def test_deidentify_says_why_texts_cannot_be_listed(tmp_path, capsys):
    rng, told = np.random.default_rng(0), tmp_path / 'report.json'
    savemat(tmp_path / 'x.mat', {'X': rng.normal(size=(60, 4)), 'Y': rng.poisson(1, (60, 5)), 'note': 'Moe'})
    assert deidentify([str(tmp_path / 'x.mat'), str(tmp_path / 'out.mat'), '--report', str(told)]) == 0
    assert 'removed: the clock, and texts that cannot be listed (' in capsys.readouterr().out
    assert str(tmp_path / 'x.mat') in json.loads(told.read_text())['unlisted']


@pytest.mark.parametrize(
    'command, arguments, problem',
    [
        (inspect, ['absent.neo.mat'], 'no such file'),
        (inspect, ['good.mat', '--plot', 'absent/x.png'], 'cannot be written'),
        (inspect, ['good.mat', '--plot', 'x.docx'], 'cannot be written'),
        (inspect, ['good.mat', '--map', 'absent.yaml'], 'cannot read the mapping'),
        (inspect, ['no_hold.mat'], 'no trial has the event "Hold"'),
        (inspect, ['plain.txt'], 'not a recording'),
        (deidentify, ['good.mat', 'absent/out.mat'], 'cannot be written'),
        (deidentify, ['good.mat', 'out.csv'], 'a session is written as .mat or .nwb'),
        (deidentify, ['good.mat', 'good.mat'], 'is the recording itself'),
        (deidentify, ['good.mat', 'out.mat', '--key', 'plain.txt'], 'has 5 bytes, and must have 32'),
        (synthesize, ['--out', 'absent/out.mat'], 'cannot be written'),
        (synthesize, ['--out', 'out.nix'], 'is written as .mat or .nwb'),
        (synthesize, ['--out', 'out.mat', '--objects', '0'], '0 objects'),
        (synthesize, ['--out', 'out.mat', '--objects', 'absent.yaml'], 'cannot read the catalogue of objects'),
    ],
)
def test_bad_input_is_one_line_status_2_and_no_file(tmp_path, monkeypatch, capsys, command, arguments, problem):
    monkeypatch.chdir(tmp_path)
    write_mat(make_block(make_segment()), 'good.mat')
    write_mat(make_block(make_segment(events={'Start': 0.0})), 'no_hold.mat')
    (tmp_path / 'plain.txt').write_text('hello')
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    assert command(arguments) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith('error: ') and captured.err.count('\n') == 1
    assert problem in captured.err
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before

# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""inspect, synthesize and deidentify as a person uses them."""

import zlib

import numpy as np
import pytest

from grasp_decoder.cli.cache import main as cache_command
from grasp_decoder.cli.deidentify import main as deidentify
from grasp_decoder.cli.inspect import main as inspect
from grasp_decoder.cli.synthesize import main as synthesize
from grasp_decoder.recording import cache as cache_module
from grasp_decoder.recording.cache import kept_sessions
from grasp_decoder.recording.reading import read_session
from grasp_decoder.sources.unit_map import read_unit_map

from helpers.neo_blocks import make_block, make_segment, write_mat


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path_factory.mktemp('cache')))


SMALL = ('--units', '12', '--trials', '8', '--objects', '2')


def test_synthesize_then_inspect_with_a_picture(tmp_path, capsys):
    path, picture = tmp_path / 'x.neo.mat', tmp_path / 'x.png'
    assert synthesize(['--out', str(path), *SMALL]) == 0
    assert inspect([str(path), '--plot', str(picture)]) == 0
    text = capsys.readouterr().out
    for expected in ('12 units, 8 trials', 'AIP 4, F5 4, M1 4', 'objects: 2;', 'Go - Hold', 'usable'):
        assert expected in text
    assert picture.read_bytes().startswith(b'\x89PNG')


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


def test_deidentify_leaves_no_name_date_or_note(tmp_path):
    segment = make_segment()
    segment.annotate(subject='Moe', note='after surgery')
    segment.name = 'Moe, Monday'
    block = make_block(segment, make_segment(7.0), name='Moe 1997-01-16')
    block.annotate(experimenter='Joe')
    path, out = write_mat(block, tmp_path / 'Moe.mat', do_compression=False), tmp_path / 'out.mat'
    assert deidentify([str(path), str(out)]) == 0
    before, after = read_session(path), read_session(out)
    assert after.name == 'session' and after.units == before.units
    assert after.trials[0].start_ns == 0
    np.testing.assert_array_equal(after.trials[1].times_ns, before.trials[1].times_ns - 5_000_000_000)
    content = zlib.decompress(out.read_bytes()[136:])  # one compressed variable after header and tag
    assert b'spiketrains' in content
    for secret in (b'Moe', b'surgery', b'Joe', b'1997'):
        assert secret not in content


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
        (deidentify, ['good.mat', 'out.nix'], 'written as a .mat file'),
        (deidentify, ['good.mat', 'good.mat'], 'is the recording itself'),
        (synthesize, ['--out', 'absent/out.mat'], 'cannot be written'),
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

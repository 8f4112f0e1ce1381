# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Recordings made to harm are refused in one line, with little memory, and leave nothing behind."""

import os
import resource
import struct
import subprocess
import sys
import zlib

import neo
import numpy as np
import pytest
import quantities as pq
from scipy.io import savemat

from grasp_decoder.child_process import ChildDied
from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.recording import mat5, neo_mat, neo_reader
from grasp_decoder.recording.binned_kinematics import read_binned_kinematics
from grasp_decoder.recording.reading import read_session

from helpers.neo_blocks import make_block, make_segment, write_mat
from helpers.session_equality import assert_same_session

HEADER = b'MATLAB 5.0 MAT-file'.ljust(124) + b'\x00\x01IM'
GIB = 1 << 30


@pytest.fixture
def recording(tmp_path):
    return write_mat(make_block(make_segment(), make_segment(7.0)), tmp_path / 'x.mat')


def refused(path, problem):
    with pytest.raises(GraspDecoderError, match=problem) as error:
        read_session(path)
    assert '\n' not in str(error.value) and str(path) in str(error.value)


def block_of(fields):
    """The bytes of a struct called block, as far as its fields."""
    head = struct.pack('<IIIIIIii', 6, 8, 2, 0, 5, 8, 1, 1) + struct.pack('<II', 1, 5) + b'block\0\0\0'
    return head + struct.pack('<HHI', 5, 4, 16) + struct.pack('<II', 1, 16) + b'segments'.ljust(16, b'\0') + fields


def test_a_size_that_is_only_claimed_takes_no_memory(tmp_path):
    path = tmp_path / 'x.mat'
    content = block_of(struct.pack('<II', 14, 4 * GIB - 8))
    path.write_bytes(HEADER + struct.pack('<II', 14, 4 * GIB - 1) + content)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    refused(path, 'damaged')
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < before + 200_000


def test_a_few_kilobytes_do_not_inflate_to_gigabytes(tmp_path):
    path = tmp_path / 'x.mat'
    zeros = zlib.compressobj()
    packed = zeros.compress(struct.pack('<II', 14, 3 * GIB) + block_of(struct.pack('<II', 14, 2 * GIB)))
    packed += b''.join(zeros.compress(bytes(1 << 20)) for _ in range(200)) + zeros.flush()
    path.write_bytes(HEADER + struct.pack('<II', 15, len(packed)) + packed)
    refused(path, 'it inflates to more than 100 times its size')


@pytest.mark.parametrize('make', [lambda path: os.mkfifo(path), lambda path: path.symlink_to('/dev/zero')])
@pytest.mark.parametrize('name', ['x.mat', 'x.mcap', 'x.nix'])
def test_what_never_ends_is_refused_at_once(tmp_path, make, name):
    make(tmp_path / name)
    refused(tmp_path / name, 'not a plain file')


def test_a_folder_of_everything_is_no_recording(tmp_path, monkeypatch):
    monkeypatch.setattr('grasp_decoder.recording.cache._MOST_FILES', 3)
    for index in range(5):
        (tmp_path / f'{index}.txt').touch()
    refused(tmp_path, 'more than 3 files')


def test_a_reader_that_crashes_is_an_error(tmp_path, monkeypatch):
    def crash(function, *arguments, seconds):
        raise ChildDied('its process ended with signal 11')

    (tmp_path / 'x.nix').write_bytes(b'hello')
    monkeypatch.setattr(neo_reader, 'call_in_child', crash)
    refused(tmp_path / 'x.nix', 'cannot be read: its process ended with signal 11')


def test_neo_is_not_loaded_where_it_could_crash(tmp_path):
    different = make_segment()
    different.spiketrains[1].name = 'only this one has a name'
    path = write_mat(make_block(different), tmp_path / 'x.mat')
    program = f"""
import sys, pathlib
from grasp_decoder.recording.reading import read_block
print(len(read_block(pathlib.Path({str(path)!r})).trials), 'neo' in sys.modules, 'scipy.io' in sys.modules)
"""
    environment = os.environ | {'PYTHONPATH': os.pathsep.join(sys.path)}
    run = subprocess.run([sys.executable, '-c', program], env=environment, capture_output=True, text=True, check=False)
    assert run.stdout.split() == ['1', 'False', 'False'], run.stderr


def test_numbers_are_read_as_scipy_reads_them(tmp_path):
    rng = np.random.default_rng(0)
    movement, counts = rng.normal(size=(20, 4)), rng.poisson(1, (20, 5))
    for compressed in (False, True):
        for kind in (np.uint8, np.float64):
            savemat(
                tmp_path / 'x.mat', {'X': movement, 'other': 'x', 'Y': counts.astype(kind)}, do_compression=compressed
            )
            read = read_binned_kinematics(tmp_path / 'x.mat')
            np.testing.assert_array_equal(np.concatenate(read.counts), counts)
            np.testing.assert_array_equal(np.concatenate(read.movement), movement)
    savemat(tmp_path / 'x.mat', {'X': movement, 'Y': counts}, format='4')
    np.testing.assert_array_equal(np.concatenate(read_binned_kinematics(tmp_path / 'x.mat').counts), counts)


@pytest.mark.parametrize('seconds', [np.nan, np.inf, 1e300])
def test_times_that_do_not_fit_are_refused(tmp_path, seconds):
    segment = make_segment()
    segment.events.append(neo.Event(np.array([seconds]) * pq.s, labels=np.array(['odd'])))
    refused(write_mat(make_block(segment), tmp_path / 'x.mat'), 'times that are not numbers')


def test_units_that_are_no_times_are_refused(tmp_path):
    segment = make_segment()
    event = segment.events[0]
    segment.events[0] = neo.Event(event.magnitude * pq.V, labels=event.labels)
    refused(write_mat(make_block(segment), tmp_path / 'x.mat'), 'Unable to convert between units of "V" and "s"')


def test_nesting_is_no_way_to_crash(tmp_path):
    inner = struct.pack('<II', 14, 0)
    for _ in range(3000):
        head = struct.pack('<IIIIIIii', 6, 8, 1, 0, 5, 8, 1, 1) + struct.pack('<II', 1, 0)
        inner = struct.pack('<II', 14, len(head) + len(inner)) + head + inner
    path = tmp_path / 'x.mat'
    content = block_of(inner)
    path.write_bytes(HEADER + struct.pack('<II', 14, len(content)) + content)
    refused(path, 'x.mat')


def test_names_of_fields_end_with_their_file():
    claimed = (
        struct.pack('<II', 14, 72) + block_of(b'')[:48] + struct.pack('<HHIII', 5, 4, 1, 1, 4 * GIB - 8) + bytes(8)
    )
    with pytest.raises(mat5.DamagedFile, match='fields beyond its end'):
        mat5.Matrix.at(claimed, 0).field_names()


@pytest.mark.parametrize('value', [3.0, np.zeros(2), ['text'], []])
def test_what_should_be_a_struct_and_is_none_is_a_layout_that_is_not_known(value):
    with pytest.raises(mat5.UnknownLayout, match='a struct was expected'):
        neo_mat._struct(value)


def test_annotations_may_be_arrays(tmp_path):
    segments = make_segment(), make_segment(7.0)
    for segment in segments:
        segment.spiketrains[0].annotate(waveform=np.arange(3.0))
        segment.spiketrains[1].annotate(empty=np.zeros(0))
    segments[1].spiketrains[0].annotate(waveform=np.arange(3.0) + 1)
    assert read_session(write_mat(make_block(*segments), tmp_path / 'x.mat')).unit_count == 3


@pytest.mark.parametrize('name', ['session.json', 'times_ns.npy', 'units.npy', 'files.sha256'])
@pytest.mark.parametrize('damage', [lambda content: b'', lambda content: content[:-3] + b'000', os.mkfifo, None])
def test_a_damaged_cache_is_made_anew(recording, cache, name, damage):
    expected = read_session(recording)
    [folder] = cache.iterdir()
    content = (folder / name).read_bytes()
    (folder / name).unlink()  # `expected` is memory that lies in the old file
    if damage is os.mkfifo:
        os.mkfifo(folder / name)
    elif damage is not None:
        (folder / name).write_bytes(damage(content))
    assert_same_session(read_session(recording), expected)
    assert_same_session(read_session(recording), expected)
    [folder] = cache.iterdir()
    listed = (folder / 'files.sha256').read_text().split()[1::2]
    assert sorted(listed) == sorted(file.name for file in folder.iterdir() if file.name != 'files.sha256')

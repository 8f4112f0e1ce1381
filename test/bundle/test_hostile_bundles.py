# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Bundles made to harm, and sealed as they should be, are refused in one line."""

import hashlib
import io
import json
import os
import shutil
import zipfile

import numpy as np
import pytest

from grasp_decoder.bundle.bundle import INPUT_STATISTICS, MANIFEST, SEAL, load_bundle, read_in_file, seal_of
from grasp_decoder.bundle.export.writing import write_bundle
from grasp_decoder.errors import GraspDecoderError

from helpers.bundle_samples import make_manifest, make_network, make_trials


@pytest.fixture(scope='module')
def sealed(tmp_path_factory):
    out = tmp_path_factory.mktemp('bundles') / 'sample'
    trials = make_trials()
    write_bundle(out, [make_network('phase'), make_network('object', 'window')], trials, trials, make_manifest())
    return out


@pytest.fixture
def folder(sealed, tmp_path):
    return shutil.copytree(sealed, tmp_path / 'bundle')


def seal(folder, content):
    (folder / MANIFEST).write_bytes(content)
    (folder / SEAL).write_bytes(seal_of(hashlib.sha256(content).hexdigest()))


def replace_file(folder, name, content):
    """Another content for a file, with the manifest and its seal as they should be."""
    (folder / name).write_bytes(content)
    manifest = json.loads((folder / MANIFEST).read_text())
    manifest['files'][name] = hashlib.sha256(content).hexdigest()
    seal(folder, json.dumps(manifest).encode())


def refused(folder, problem):
    with pytest.raises(GraspDecoderError, match=problem) as error:
        load_bundle(folder)
    assert '\n' not in str(error.value) and str(folder) in str(error.value)


NAN, HUGE = float('nan'), 10**12


@pytest.mark.parametrize(
    'change, problem',
    [
        (lambda m: m.update(bin_s=NAN), 'NaN is no number'),
        (lambda m: m.update(bin_s=0), 'a bin width of 0.0 s'),
        (lambda m: m.update(bin_s=1e9), 'a bin width of'),
        (lambda m: m.update(look_back=0), '0 bins to look back'),
        (lambda m: m.update(look_back=HUGE), 'bins to look back'),
        (lambda m: m['tasks']['object'].update(look_back=HUGE), 'bins to look back'),
        (lambda m: m['tasks']['phase'].update(temperature=NAN), 'NaN is no number'),
        (lambda m: m['tasks']['phase'].update(temperature=0), 'temperature near 1'),
        (lambda m: m['tasks']['phase'].update(temperature=1e-300), 'temperature near 1'),
        (lambda m: m['tasks']['phase'].update(lut=[float('inf')] * 256), 'Infinity is no number'),
        (lambda m: m['tasks'].update(other=m['tasks']['phase']), 'unknown task'),
        (lambda m: m.update(labels=m['labels'][:-1]), 'classes and labels'),
        (lambda m: m.update(classes=[12] * len(m['classes'])), 'classes and labels'),
        (lambda m: m.update(merge={'11': 2**40}), 'object id outside'),
        (lambda m: m['thresholds'].update(grasp=2), 'a threshold'),
        (lambda m: m.update(evidence={'prior': [1.0], 'gain': 0.2, 'memory_s': 0.2, 'dead_band': 0.0}), 'of 1 objects'),
        (lambda m: m.update(self_reset={'grasp_bins': 0, 'rest_bins': 1}), 'a self reset'),
        (lambda m: m['tasks']['phase']['models']['int8']['inputs'][0].update(scale=-1.0), 'a scale that cannot be'),
        (lambda m: m['tasks']['phase']['models']['int8']['inputs'][0].update(zero_point=500), 'zero point'),
        (lambda m: m['tasks']['phase']['models']['int8']['inputs'][0].update(shape=[]), 'takes 0 latents'),
        (lambda m: m['tasks']['phase'].update(latents=3), 'takes 10 latents, but the manifest says 3'),
        (lambda m: m['tasks']['object'].update(latents=24), 'object_read_in.npz is not among the sealed'),
        (lambda m: m['files'].update({'a\0b': ''}), 'outside of it'),
    ],
)
def test_a_manifest_without_sense_is_refused(folder, change, problem):
    manifest = json.loads((folder / MANIFEST).read_text())
    change(manifest)
    seal(folder, json.dumps(manifest).encode())
    refused(folder, problem)


@pytest.mark.parametrize(
    'content, problem',
    [
        (b'\xff\xfe', 'is not UTF-8'),
        (b'[' * 100_000, 'is not JSON'),
        (b'{"schema_version": 1e999}', 'schema version inf'),
        (b'', 'is not JSON'),
    ],
)
def test_what_is_no_manifest_is_refused(folder, content, problem):
    seal(folder, content)
    refused(folder, problem)


def test_infinity_in_other_words_is_refused(folder):
    text = (folder / MANIFEST).read_text()
    seal(folder, text.replace('"bin_s": 0.04', '"bin_s": 1e999').encode())
    refused(folder, 'bin_s: inf is not of type float')


@pytest.mark.parametrize('name', [MANIFEST, SEAL, 'phase_int8.tflite'])
def test_what_never_ends_is_refused_at_once(folder, name):
    (folder / name).unlink()
    os.mkfifo(folder / name)
    refused(folder, 'not a plain file')
    (folder / name).unlink()
    (folder / name).symlink_to('/dev/zero')
    refused(folder, 'not a plain file')


def bomb():
    """An archive of kilobytes that unpacks to a gigabyte."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, 'w', zipfile.ZIP_DEFLATED) as archive, archive.open('rate.npy', 'w') as member:
        for _ in range(1024):
            member.write(bytes(1 << 20))
    return packed.getvalue()


def arrays(**changes):
    with np.load(io.BytesIO(changes.pop('content'))) as old:
        found = dict(old) | changes
    new = io.BytesIO()
    np.savez(new, **found)
    return new.getvalue()


@pytest.mark.parametrize(
    'make, problem',
    [
        pytest.param(lambda content: bomb(), 'unpacks to too much', marks=pytest.mark.slow),
        (lambda content: b'', 'cannot be read'),
        (lambda content: content[: len(content) // 2], 'cannot be read'),
        (lambda content: arrays(content=content, artefact_count=np.zeros((2, 2))), 'cannot be read'),
        (lambda content: arrays(content=content, rate=np.array(['x'])), 'cannot be read'),
        (lambda content: arrays(content=content, rate=np.full(24, np.nan)), 'NaN or infinity'),
    ],
)
def test_statistics_without_sense_are_refused(folder, make, problem):
    replace_file(folder, INPUT_STATISTICS, make((folder / INPUT_STATISTICS).read_bytes()))
    refused(folder, problem)


@pytest.mark.parametrize(
    'kernel, bias, problem',
    [
        (np.full((24, 10), np.nan), np.zeros(10), 'NaN or a weight above'),
        (np.full((24, 10), 1e30), np.zeros(10), 'NaN or a weight above'),
        (np.zeros((24, 10)), np.zeros(9), 'do not fit together'),
        (np.zeros((23, 10)), np.zeros(10), 'about 23 units'),
        (np.zeros((24, 9)), np.zeros(9), 'gives 9 latents, but its network takes 10'),
    ],
)
def test_a_read_in_without_sense_is_refused(folder, kernel, bias, problem):
    name = read_in_file('phase')
    replace_file(folder, name, arrays(content=(folder / name).read_bytes(), kernel=kernel, bias=bias))
    refused(folder, problem)

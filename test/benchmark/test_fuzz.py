# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""The fuzzer tells every kind of failure, and finds none in what needs no trained bundle."""

import faulthandler
import json
import os
import time

import pytest

from benchmark import fuzz
from benchmark.fuzz_target import Target
from grasp_decoder.errors import GraspDecoderError


def failing(read_it):
    class Failing(Target):
        name = 'failing'

        def make(self, rng, folder):
            (folder / 'input').write_bytes(rng.bytes(8))

        def read(self, folder):
            read_it(folder)

    return Failing


def refuse(folder):
    raise GraspDecoderError('no good')


def abort(folder):
    faulthandler.disable()  # pytest's would print where it died
    os.abort()


@pytest.mark.slow
@pytest.mark.parametrize(
    'read_it, what',
    [
        (lambda folder: None, None),
        (refuse, None),
        (lambda folder: [][1], 'IndexError: list index out of range'),
        (abort, 'died of signal 6'),
        (lambda folder: time.sleep(60), 'no answer in 1 s'),
        (lambda folder: (folder / 'more').touch(), "AssertionError: left behind: ['more']"),
        (lambda folder: bytearray(5 << 30), 'MemoryError'),
    ],
)
def test_every_kind_of_failure_is_told(tmp_path, monkeypatch, read_it, what):
    monkeypatch.setattr(fuzz, 'LONGEST_S', 1)
    monkeypatch.setattr(fuzz, 'ROOT', tmp_path)
    monkeypatch.setitem(fuzz.TARGETS, 'failing', failing(read_it))
    assert fuzz.main(['--cases', '2', '--target', 'failing', '--json', str(tmp_path / 'out.json')]) == bool(what)
    found = json.loads((tmp_path / 'out.json').read_text())
    assert found['failures'] == found['targets']['failing']['failures'] == (2 if what else 0)
    assert found['targets']['failing']['cases'] == 2
    assert [each['what'] for each in found['targets']['failing']['examples']] == [what] * found['failures']


@pytest.mark.slow
def test_nothing_fails(tmp_path):
    pytest.importorskip('grasp_decoder.msg', reason='the messages are not built: ./run builds them')
    names = [
        'neo_mat',
        'binned_mat',
        'nwb',
        'mcap',
        'cache',
        'trials',
        'keys',
        'mapping',
        'merge',
        'grips',
        'objects',
        'faults',
        'parameters',
    ]
    chosen = [word for name in names for word in ('--target', name)]
    assert fuzz.main(['--cases', '6', '--seed', '1', *chosen, '--json', str(tmp_path / 'out.json')]) == 0

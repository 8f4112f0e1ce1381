# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Binned trials come back from disk as they were, and anew when the file is damaged or the binning another."""

from dataclasses import fields, replace

import numpy as np
import pytest

from grasp_decoder.features import stored_bins
from grasp_decoder.features.trial_bins import bin_trials
from grasp_decoder.objects import load_objects
from grasp_decoder.recording.synthetic import synthesize


@pytest.fixture
def session(tmp_path, monkeypatch):
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path))
    return replace(synthesize(units=8, trials=6, objects=2)[0], source_sha256='made')


def assert_same(one, other):
    assert len(one) == len(other)
    for a, b in zip(one, other):
        for item in fields(a):
            left, right = getattr(a, item.name), getattr(b, item.name)
            np.testing.assert_array_equal(left, right, strict=True) if isinstance(left, np.ndarray) else None
            assert isinstance(left, np.ndarray) or left == right


def stored(session, bin_ns=40_000_000, merge=None):
    return stored_bins.stored_bin_trials(session, bin_ns, load_objects().copies if merge is None else merge, 'default')


def test_bins_are_stored_once_and_come_back_as_they_were(session, tmp_path, monkeypatch):
    expected = bin_trials(session)
    assert_same(stored(session), expected)
    monkeypatch.setattr(stored_bins, 'bin_trials', None)  # the second time nothing is binned
    assert_same(stored(session), expected)
    assert len(list(tmp_path.rglob('*.npz'))) == 1 and not list(tmp_path.rglob('.new_*'))


def test_another_binning_or_session_is_another_file(session, tmp_path):
    assert stored(session)[0].bin_ns == 40_000_000
    assert stored(session, bin_ns=20_000_000)[0].bin_ns == 20_000_000
    first = session.trials[0].object_id
    assert stored(session, merge={first: 99})[0].object_id == 99
    fewer = replace(session, trials=session.trials[:3])
    assert_same(stored(fewer), bin_trials(fewer))
    assert len(list(tmp_path.rglob('*.npz'))) == 4


def test_a_damaged_file_is_made_anew(session, tmp_path):
    expected = stored(session)
    (file,) = tmp_path.rglob('*.npz')
    file.write_bytes(file.read_bytes()[:1000])
    assert_same(stored(session), expected)
    assert_same(stored_bins.load_bins(file), expected)

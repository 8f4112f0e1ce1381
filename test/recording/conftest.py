# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Fixtures of the tests of recordings."""

import pytest

from helpers.three_trials import read, segments


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch):
    """The folder of kept sessions, of the test's own."""
    folder = tmp_path_factory.mktemp('cache')
    monkeypatch.setenv('XDG_CACHE_HOME', str(folder))
    return folder / 'grasp_decoder' / 'sessions'


@pytest.fixture
def expected(tmp_path):
    """The session of three segments, whose trials end with their events as cut ones do."""
    return read(tmp_path / 'expected.mat', '', *segments())

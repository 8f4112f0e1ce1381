# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""A session is the same whichever file it is kept in."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from grasp_decoder.cli.convert import main as convert
from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.recording.mcap import Recorder
from grasp_decoder.recording.reading import read_session
from grasp_decoder.recording.session import Unit
from grasp_decoder.recording.synthetic import synthesize
from grasp_decoder.recording.writing import write_session

from helpers.three_trials import same_but

ROOT = Path(__file__).resolve().parents[2]


def test_a_recorded_run_may_lie_in_a_folder_and_end_in_capitals(tmp_path):
    folder = tmp_path / 'my bag'
    folder.mkdir()
    (folder / 'metadata.yaml').touch()
    with pytest.raises(GraspDecoderError, match='with 0 MCAP files'):
        read_session(folder)
    Recorder(folder / 'RUN.MCAP').close()
    for path in (folder, folder / 'RUN.MCAP'):
        with pytest.raises(GraspDecoderError, match='RUN.MCAP: the recording holds no spikes'):
            read_session(path)


def test_a_session_is_the_same_in_every_format(tmp_path):
    """Also with what few sessions have: trials without an event, an object, a result or a signal, silent units."""
    [session] = synthesize(6, 5)
    trials = list(session.trials)
    wrist = trials[0].start_ns + np.arange(4) * 10_000_000, np.arange(8.0).reshape(4, 2)
    trials[0] = replace(trials[0], signals={'wrist': wrist}, correct=False)
    trials[1] = replace(trials[1], correct=None, object_id=-1)
    trials[2] = replace(trials[2], events={label: time for label, time in trials[2].events.items() if label != 'Cue'})
    silent = trials[3].units != 2
    trials[3] = replace(trials[3], units=trials[3].units[silent], times_ns=trials[3].times_ns[silent])
    units = (
        Unit(0),
        Unit(1, 4, None, 'M1'),
        Unit(2, 4, 2),
        Unit(3, 1, 0, 'AIP/PFG'),
        Unit(4, None, 3, 'F5'),
        Unit(5, 80, 1),
    )
    session = replace(session, trials=tuple(trials), units=units)
    (tmp_path / 'map.yaml').write_text('incomplete_trials: leave_out')
    for name in ('x.nwb', 'x.mat'):
        write_session(session, tmp_path / name)
        same_but(read_session(tmp_path / name, tmp_path / 'map.yaml'), session)
    for source, copy in (('x.mat', 'again.nwb'), ('x.nwb', 'again.mat')):
        assert convert([str(tmp_path / source), str(tmp_path / copy), '--map', str(tmp_path / 'map.yaml')]) == 0
        same_but(read_session(tmp_path / copy, tmp_path / 'map.yaml'), session)
    assert convert([str(tmp_path / 'x.nwb'), str(tmp_path / 'x.nwb')]) == 2


def test_the_arrays_of_the_documentation_become_a_session(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    [code] = re.findall(
        r'```python\n((?:(?!```).)*?write_session.*?)```', (ROOT / 'docs' / 'sources.md').read_text(), re.DOTALL
    )
    exec(code, {})
    session = read_session('my_day.neo.mat')
    assert session.unit_count == 5 and [trial.usable for trial in session.trials] == [True] * 8

# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""One recording in every format that laboratories bring: the same trials, or one line that says what to do."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.io import loadmat, savemat

from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.objects import load_objects
from grasp_decoder.recording.block_to_session import session_from_block
from grasp_decoder.recording.mapping import default_mapping, load_mapping
from grasp_decoder.recording.reading import read_block, read_session
from grasp_decoder.recording.session import Session, Trial, Unit
from grasp_decoder.recording.writing import write_session

from helpers import foreign_files as foreign
from helpers.foreign_files import CLOCK_HZ, LongRecording
from helpers.session_equality import assert_same_session

NS = 1_000_000_000 // CLOCK_HZ
EVENTS = {'Start': 0.0, 'Cue': 0.2, 'Go': 0.5, 'Hold': 0.7, 'Rew': 1.1, 'End': 1.5}
STARTS, OBJECTS = (1.0, 3.0, 5.0, 7.0), (1, 2, 2, 1)
CODES = {10: 'Start', 25: 'Cue', 30: 'Go', 40: 'Hold', 50: 'Rew', 60: 'End'}
MAPPING = 'trial_start: 10\ntrial_stop: 60\nobjects: {20: 1, 21: 2}\n' + f'events: {CODES}'
TABLE = 'start,stop,obj,' + ','.join(f'{label}_time' for label in EVENTS) + '\n'
TABLE += ''.join(
    ','.join(map(str, [start, start + 1.5, each, *(start + seconds for seconds in EVENTS.values())])) + '\n'
    for start, each in zip(STARTS, OBJECTS)
)


def recording():
    rng = np.random.default_rng(5)
    spikes = [np.unique(rng.integers(0, 9 * CLOCK_HZ, 300)) for _ in range(4)]
    codes = [(round((start + EVENTS[label]) * CLOCK_HZ), code) for start in STARTS for code, label in CODES.items()]
    codes += [(round((start + 0.1) * CLOCK_HZ), 19 + each) for start, each in zip(STARTS, OBJECTS)]
    return LongRecording(spikes, sorted(codes))


def expected():
    """The session that all of these files hold."""
    trials = []
    ticks = np.concatenate(recording().spikes)
    units = np.repeat(np.arange(4, dtype=np.uint16), [len(each) for each in recording().spikes])
    for index, (start, each) in enumerate(zip(STARTS, OBJECTS)):
        begin, end = (round(time * CLOCK_HZ) for time in (start, start + EVENTS['End']))
        inside = np.flatnonzero((ticks >= begin) & (ticks <= end))
        inside = inside[np.argsort(ticks[inside], kind='stable')]
        events = {label: round((start + seconds) * 1e9) for label, seconds in EVENTS.items()}
        stop = max(end * NS, int(ticks[inside[-1]]) * NS + 1)
        trials.append(Trial(index, begin * NS, stop, events, each, None, ticks[inside] * NS, units[inside]))
    return Session('x', tuple(map(Unit, range(4))), tuple(trials))


def write_neo_mat73(_, path):
    """What Neo wrote for older versions of MATLAB, as version 7.3 keeps it."""
    foreign.write_long_mat(recording(), path.with_suffix('.v5'))
    block = loadmat(path.with_suffix('.v5'))['block']
    foreign.write_mat73(path, {'block': foreign.mat73_struct(foreign.fields_of(block))})


def write_trials(_, path):
    write_session(expected(), path)


ONE_LONG_RECORDING = {
    'NeoMatlabIO': (foreign.write_long_mat, 'x.neo.mat'),
    'MATLAB 7.3': (write_neo_mat73, 'x.mat'),
    'NIX': (foreign.write_long_nix, 'x.nix'),
    'NWB': (foreign.write_long_nwb, 'x.nwb'),
    'Blackrock': (foreign.write_nev, 'x.nev'),
    'Plexon': (foreign.write_plx, 'x.plx'),
    'NeuroExplorer': (foreign.write_nex, 'x.nex'),
    'phy': (foreign.write_phy, 'x'),
}
TRIALS = {'NeoMatlabIO by trials': (write_trials, 'x.neo.mat'), 'NWB by trials': (write_trials, 'x.nwb')}
FORMATS = ONE_LONG_RECORDING | TRIALS


@pytest.fixture
def mapping(tmp_path):
    """``mapping(form)`` gives what a laboratory writes to read this format."""
    (tmp_path / 'trials.csv').write_text(TABLE)

    def written(form):
        file = tmp_path / 'map.yaml'
        file.write_text('' if form in TRIALS else 'trials: trials.csv' if form == 'phy' else MAPPING)
        return load_mapping(file)

    return written


@pytest.mark.slow
@pytest.mark.parametrize('form', FORMATS)
def test_every_format_gives_the_same_trials_or_says_which_line_is_missing(tmp_path, mapping, form):
    write, name = FORMATS[form]
    write(recording(), tmp_path / name)
    block = read_block(tmp_path / name)
    session = session_from_block(tmp_path / name, block, mapping(form), load_objects())
    trials = [
        replace(trial, events={label: time for label, time in trial.events.items() if label not in ('20', '21')})
        for trial in session.trials
    ]
    units = tuple(map(Unit, range(session.unit_count)))
    assert_same_session(replace(session, name='x', units=units, trials=tuple(trials)), expected())
    if form in ONE_LONG_RECORDING:
        with pytest.raises(GraspDecoderError, match=r'--trial-table FILE|\(--map\)') as error:
            session_from_block(tmp_path / name, block, default_mapping(), load_objects())
        assert '\n' not in str(error.value) and str(tmp_path / name) in str(error.value)


@pytest.mark.slow
@pytest.mark.parametrize('form', [form for form in ONE_LONG_RECORDING if form not in ('NeoMatlabIO', 'Blackrock')])
def test_half_a_file_is_refused_in_one_line(tmp_path, mapping, form):
    """Not of Blackrock, whose packets say nothing of how many there should be."""
    write, name = FORMATS[form]
    write(recording(), tmp_path / name)
    path = tmp_path / name
    if path.is_dir():
        path = path / 'spike_clusters.npy'
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(GraspDecoderError) as error:
        read_session(tmp_path / name, mapping(form))
    assert '\n' not in str(error.value) and str(tmp_path / name) in str(error.value)


def test_matlab_73_holds_counts_and_movement_as_older_files_do(tmp_path):
    rng = np.random.default_rng(0)
    variables = {'X': rng.normal(size=(20, 4)), 'Y': rng.poisson(1, (20, 5)).astype(float)}
    savemat(tmp_path / 'x.mat', variables)
    (tmp_path / 'new').mkdir()
    foreign.write_mat73(tmp_path / 'new' / 'x.mat', variables)
    assert_same_session(read_session(tmp_path / 'new' / 'x.mat'), read_session(tmp_path / 'x.mat'))


@pytest.mark.parametrize(
    'variables, problem',
    [
        ({'trial_data': ({'a': 1.0}, {'a': 2.0})}, 'without a Neo block.*docs/sources.md'),
        ({'block': {'segments': [{'spiketrains': [{'times': 1.0}]}]}}, 'not as Neo.*docs/sources.md'),
        ({'X': {'a': 1.0}, 'Y': np.zeros((2, 2))}, 'without a Neo block'),
    ],
)
def test_other_files_of_matlab_73_are_refused(tmp_path, variables, problem):
    foreign.write_mat73(tmp_path / 'x.mat', variables)
    with pytest.raises(GraspDecoderError, match=problem):
        read_session(tmp_path / 'x.mat')

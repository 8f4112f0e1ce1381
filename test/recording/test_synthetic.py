# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""The synthetic session is deterministic, realistic, and comes back from its file unchanged, to Neo and to us."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import spearmanr

from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.objects import load_objects
from grasp_decoder.recording.block_to_session import session_from_block
from grasp_decoder.recording.deidentification import deidentified
from grasp_decoder.recording.mapping import default_mapping
from grasp_decoder.recording.neo_mat import read_neo_mat
from grasp_decoder.recording.neo_reader import read_with_neo_here
from grasp_decoder.recording.session import Session, Trial, Unit
from grasp_decoder.recording.summary import summarize
from grasp_decoder.recording.synthetic import synthesize
from grasp_decoder.recording.writing import write_session
from grasp_decoder.types.time import NS_PER_S

from helpers.session_equality import assert_same_session


@st.composite
def sessions(draw):
    """Small sessions with everything that a file can hold."""
    known = draw(
        st.fixed_dictionaries(
            {},
            optional={
                'electrode': st.integers(0, 300),
                'sort_code': st.integers(0, 5),
                'area': st.sampled_from(['M1', 'AIP', 'é']),
            },
        )
    )
    units = tuple(Unit(index, **known) for index in range(draw(st.integers(1, 4))))
    trials, start = [], draw(st.integers(0, 10**13))
    for index in range(draw(st.integers(1, 3))):
        stop = start + draw(st.integers(10**6, 10**10))
        within = st.integers(start, stop - 1)
        spike = st.tuples(within, st.integers(0, len(units) - 1))
        spikes = sorted(draw(st.lists(spike, min_size=1, max_size=9)))
        times, of_units = np.array(spikes, dtype=np.int64).T
        labels = st.sampled_from(['Start', 'Rew', 'a longer name'])
        events = {'Hold': draw(within), **draw(st.dictionaries(labels, within))}
        samples = np.array(sorted(draw(st.lists(within, min_size=2, max_size=4))), dtype=np.int64)
        signals = {'wrist': (samples, np.arange(2.0 * len(samples)).reshape(-1, 2))} if draw(st.booleans()) else {}
        object_id = draw(st.integers(0, 99))
        trials.append(
            Trial(
                index,
                start,
                stop,
                dict(sorted(events.items(), key=lambda event: event[1])),
                object_id,
                draw(st.none() | st.booleans()),
                times,
                of_units.astype(np.uint16),
                signals,
                excluded=object_id >= 85,
            )
        )
        start = stop + draw(st.integers(0, 10**9))
    return Session(draw(st.text('ab c', min_size=1).map(str.strip).filter(bool)), units, tuple(trials))


@pytest.fixture(scope='module')
def session():
    return synthesize()[0]


def test_the_default_session_is_as_recordings_are(session):
    summary = summarize(session)
    assert (session.unit_count, len(session.trials), len(summary.objects)) == (96, 160, 8)
    assert set(summary.areas) == {'AIP', 'F5', 'M1'}
    assert 4 < np.median(summary.rates_hz) < 6
    assert 8 < summary.rates_hz.mean() < 12
    assert 25 < np.percentile(summary.rates_hz, 95) < 45
    assert 0 < len(summary.silent_units) < 8
    events = {
        label: np.median([trial.events[label] - trial.start_ns for trial in session.trials]) / NS_PER_S
        for label in session.trials[0].events
    }
    assert len(events) == 12
    for label, expected in (('Cue', 0.68), ('Mem', 1.38), ('Go', 2.19), ('Hold', 2.74), ('Rew', 3.13), ('End', 3.65)):
        assert events[label] == pytest.approx(expected, abs=0.06)
    for before, after in zip(session.trials, session.trials[1:]):
        assert after.start_ns - before.stop_ns == pytest.approx(600_000_000, abs=1_000)
    for trial in session.trials:
        assert np.all(np.diff(trial.times_ns) >= 0)
        assert trial.start_ns <= trial.times_ns[0] and trial.times_ns[-1] < trial.stop_ns
        assert list(trial.events.values()) == sorted(trial.events.values())


def test_the_same_seed_gives_the_same_session(session):
    assert_same_session(synthesize()[0], session)
    assert synthesize(seed=1)[0].trials[0].times_ns.size != session.trials[0].times_ns.size


def test_the_next_day_has_drifted_but_is_the_same_animal():
    first, second = synthesize(units=200, trials=40, days=2)
    rates = [summarize(day).rates_hz for day in (first, second)]
    electrode = [unit.electrode for unit in first.units]
    assert [(unit.electrode, unit.sort_code, unit.area) for unit in second.units] == [
        (unit.electrode, unit.sort_code, unit.area) for unit in first.units
    ]
    per_electrode = [np.bincount(electrode, weights=day) for day in rates]
    assert 0.6 < spearmanr(*per_electrode).statistic < 0.98
    assert spearmanr(*rates).statistic < spearmanr(*per_electrode).statistic
    assert [trial.object_id for trial in first.trials] != [trial.object_id for trial in second.trials]


@pytest.mark.parametrize('count', [1, 2, 8, 20, 36, 40])
def test_objects_are_distinct_shapes_and_sizes(count):
    (session,) = synthesize(units=2, trials=count, objects=count)
    ids = {trial.object_id for trial in session.trials}
    assert len(ids) == count
    assert all(2 <= object_id // 10 <= 8 and 1 <= object_id % 10 <= 6 and object_id < 85 for object_id in ids)


def test_the_objects_of_a_catalogue_are_shown_under_their_names(tmp_path):
    catalogue = tmp_path / 'my.yaml'
    catalogue.write_text('{objects: [{id: side, shape: plate}, {id: [cup, mug], shape: post, size_m: [0.1, 0.2]}]}')
    objects = load_objects(catalogue)
    (session,) = synthesize(units=4, trials=6, objects=objects)
    assert sorted(trial.object_id for trial in session.trials) == [1, 1, 2, 2, 3, 3]
    write_session(session, tmp_path / 'x.neo.mat', objects)
    block = read_with_neo_here(tmp_path / 'x.neo.mat')
    assert {trial.annotations['obj'] for trial in block.trials} == {'side', 'cup', 'mug'}
    assert_same_session(session_from_block(tmp_path / 'x.neo.mat', block, default_mapping(), objects), session)


@pytest.mark.parametrize(
    'arguments, problem',
    [
        ({'units': 0}, '0 units'),
        ({'trials': -1}, '-1 trials'),
        ({'objects': 41}, '41 objects'),
        ({'days': 0}, '0 days'),
    ],
)
def test_impossible_sessions_are_refused(arguments, problem):
    with pytest.raises(GraspDecoderError, match=problem):
        synthesize(**arguments)


@settings(max_examples=40)
@given(sessions())
def test_neo_reads_a_written_session_and_so_do_we(tmp_path_factory, session):
    path = tmp_path_factory.mktemp('written') / 'x.neo.mat'
    write_session(session, path)
    for block in (read_neo_mat(path), read_with_neo_here(path)):
        assert_same_session(session_from_block(path, block, default_mapping(), load_objects()), session)


def test_a_deidentified_session_keeps_only_what_decoding_needs(tmp_path, session):
    anonymous = deidentified(session)
    assert anonymous.name == 'session' and anonymous.source_sha256 == ''
    assert anonymous.trials[0].start_ns == 0
    for before, after in zip(session.trials, anonymous.trials):
        np.testing.assert_array_equal(after.times_ns - after.start_ns, before.times_ns - before.start_ns)
        assert after.stop_ns - after.start_ns == before.stop_ns - before.start_ns
        assert {label: time - after.start_ns for label, time in after.events.items()} == {
            label: time - before.start_ns for label, time in before.events.items()
        }

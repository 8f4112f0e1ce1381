"""The synthetic session is deterministic, realistic, and comes back from its file unchanged."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import spearmanr
from session_equality import assert_same_session

from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.recording.deidentification import deidentified
from grasp_decoder.recording.reading import read_session
from grasp_decoder.recording.session import NS_PER_S
from grasp_decoder.recording.summary import summarise
from grasp_decoder.recording.synthetic import choose_objects, synthesize
from grasp_decoder.recording.writing import write_session


@pytest.fixture(scope='module')
def session():
    return synthesize()[0]


def test_the_default_session_is_as_recordings_are(session):
    summary = summarise(session)
    assert (session.unit_count, len(session.trials), len(summary.objects)) == (96, 160, 8)
    assert set(summary.areas) == {'AIP', 'F5', 'M1'}
    assert 4 < np.median(summary.rates_hz) < 6
    assert 8 < summary.rates_hz.mean() < 12
    assert 25 < np.percentile(summary.rates_hz, 95) < 45
    assert 0 < len(summary.silent_units) < 8
    events = {label: np.median([trial.events[label] - trial.start_ns for trial in session.trials]) / NS_PER_S
              for label in session.trials[0].events}
    assert len(events) == 12
    for label, expected in (('Cue', 0.68), ('Mem', 1.38), ('Go', 2.19), ('Hold', 2.74), ('Rew', 3.13), ('End', 3.65)):
        assert events[label] == pytest.approx(expected, abs=0.06)
    for before, after in zip(session.trials, session.trials[1:]):
        assert after.start_ns - before.stop_ns == pytest.approx(1_000_000, abs=2)
    for trial in session.trials:
        assert np.all(np.diff(trial.times_ns) >= 0)
        assert trial.start_ns <= trial.times_ns[0] and trial.times_ns[-1] < trial.stop_ns
        assert list(trial.events.values()) == sorted(trial.events.values())


def test_the_same_seed_gives_the_same_session(session):
    assert_same_session(synthesize()[0], session)
    assert synthesize(seed=1)[0].trials[0].times_ns.size != session.trials[0].times_ns.size


def test_the_next_day_has_drifted_but_is_the_same_animal():
    first, second = synthesize(units=200, trials=40, days=2)
    rates = [summarise(day).rates_hz for day in (first, second)]
    electrode = [unit.electrode for unit in first.units]
    assert [(unit.electrode, unit.sort_code, unit.area) for unit in second.units] == [
        (unit.electrode, unit.sort_code, unit.area) for unit in first.units]
    per_electrode = [np.bincount(electrode, weights=day) for day in rates]
    assert 0.6 < spearmanr(*per_electrode).statistic < 0.98
    assert spearmanr(*rates).statistic < spearmanr(*per_electrode).statistic
    assert [trial.object_id for trial in first.trials] != [trial.object_id for trial in second.trials]


@pytest.mark.parametrize('count', [1, 2, 8, 20, 36, 40])
def test_objects_are_distinct_shapes_and_sizes(count):
    ids = choose_objects(count)
    assert len(set(ids)) == count
    assert all(2 <= object_id // 10 <= 8 and 1 <= object_id % 10 <= 6 and object_id < 85 for object_id in ids)


@pytest.mark.parametrize('arguments, problem', [
    ({'units': 0}, '0 units'), ({'trials': -1}, '-1 trials'), ({'objects': 41}, '41 objects'), ({'days': 0}, '0 days')])
def test_impossible_sessions_are_refused(arguments, problem):
    with pytest.raises(GraspDecoderError, match=problem):
        synthesize(**arguments)


def test_a_written_session_comes_back_unchanged(tmp_path, monkeypatch):
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path))
    [session] = synthesize(units=12, trials=6, objects=2)
    times = session.trials[0].times_ns[:5]
    wrist = {'wrist': (times, np.arange(10.0).reshape(5, 2))}
    session = replace(session, trials=(replace(session.trials[0], signals=wrist), *session.trials[1:]))
    write_session(session, tmp_path / 'x.neo.mat')
    back = read_session(tmp_path / 'x.neo.mat')
    assert_same_session(replace(back, source_sha256=''), session)


def test_a_deidentified_session_keeps_only_what_decoding_needs(tmp_path, session):
    anonymous = deidentified(session)
    assert anonymous.name == 'session' and anonymous.source_sha256 == ''
    assert anonymous.trials[0].start_ns == 0
    for before, after in zip(session.trials, anonymous.trials):
        np.testing.assert_array_equal(after.times_ns - after.start_ns, before.times_ns - before.start_ns)
        assert after.stop_ns - after.start_ns == before.stop_ns - before.start_ns
        assert {label: time - after.start_ns for label, time in after.events.items()} == {
            label: time - before.start_ns for label, time in before.events.items()}

# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Playback: every spike and event once, in order, on a clock that never runs back."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.recording.playback import LONGEST_GAP_NS, Pace, Playback
from grasp_decoder.recording.session import Session, Trial, Unit

MS = 1_000_000


def session(*spans):
    """Trials of three units over ``spans`` [(start, stop) in ms], a spike every 7 ms, events at both ends."""
    trials = []
    for number, (start, stop) in enumerate(spans):
        times = np.arange(start * MS, stop * MS, 7 * MS, dtype=np.int64)
        trials.append(
            Trial(
                number,
                start * MS,
                stop * MS,
                {'Start': start * MS, 'Go': (start + 25) * MS, 'End': stop * MS},
                10 + number,
                True,
                times,
                (np.arange(len(times)) % 3).astype(np.uint16),
            )
        )
    return Session('s', tuple(Unit(i) for i in range(3)), tuple(trials))


def spikes_of(steps):
    return [
        (int(offset) + step.batch.start_ns, int(unit))
        for step in steps
        for offset, unit in zip(step.batch.offset_ns, step.batch.unit)
    ]


def test_every_spike_and_event_once_and_in_order():
    played = session((100, 215), (300, 390))
    steps = list(Playback(played, played.trials, 10 * MS))
    assert spikes_of(steps) == [
        (int(t), int(u)) for trial in played.trials for t, u in zip(trial.times_ns, trial.units)
    ]
    assert [(event.label, event.trial, event.segment, event.object_id) for step in steps for event in step.events] == [
        (label, i, i, 10 + i) for i in (0, 1) for label in ('Start', 'Go', 'End')
    ]
    for step in steps:
        assert all(step.batch.start_ns <= event.stamp_ns <= step.batch.end_ns for event in step.events)


def test_long_gaps_are_shortened():
    played = session((0, 100), (200, 300), (9000, 9100))
    steps = list(Playback(played, played.trials, 50 * MS))
    assert [step.due_ns for step in steps] == [ms * MS for ms in (50, 100, 250, 300, 850, 900)]
    assert [step.batch.end_ns for step in steps] == [ms * MS for ms in (50, 100, 250, 300, 9050, 9100)]


def test_loop_goes_on_in_time():
    played = session((100, 200), (300, 400))
    playback = Playback(played, played.trials, 20 * MS, loop=True)
    steps = [next(playback) for _ in range(30)]
    assert [step.batch.segment for step in steps] == [i // 5 for i in range(30)]
    stops = [step.batch.end_ns for step in steps]
    assert stops == sorted(stops)
    assert steps[10].batch.start_ns == 400 * MS + LONGEST_GAP_NS
    assert spikes_of(steps[10:20])[0][0] - spikes_of(steps[:10])[0][0] == steps[10].batch.start_ns - 100 * MS
    assert [event.label for event in steps[10].events] == ['Start']
    assert steps[10].events[0].stamp_ns == steps[10].batch.start_ns


def test_seek():
    played = session((100, 200), (300, 400))
    playback = Playback(played, played.trials, 20 * MS)
    first = next(playback)
    playback.seek(1, 50 * MS)
    ahead = next(playback)
    assert (ahead.batch.segment, ahead.batch.start_ns) == (1, 350 * MS)
    playback.seek(0)
    back = next(playback)
    assert back.batch.segment == 2
    assert back.batch.start_ns >= ahead.batch.end_ns
    assert back.batch.offset_ns.tolist() == first.batch.offset_ns.tolist()


@pytest.mark.parametrize('trial, time_ns', [(2, 0), (0, 100 * MS), (0, -1)])
def test_seek_outside(trial, time_ns):
    played = session((100, 200), (300, 400))
    playback = Playback(played, played.trials, 20 * MS)
    with pytest.raises(GraspDecoderError):
        playback.seek(trial, time_ns)
    assert next(playback).batch.start_ns == 100 * MS


@settings(max_examples=50)
@given(st.sampled_from([0.1, 0.3, 1.0, 7.0, 50.0]), st.integers(0, 10**18))
def test_pace_does_not_drift(speed, now):
    """After an hour of batches of 10 ms the due time is off by less than a microsecond."""
    pace = Pace(speed, clock=lambda: now)
    hour = 3600 * 10**9
    assert abs(pace.due_ns(hour) - now - hour / speed) < 1000
    assert pace.due_ns(0) == now

# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""CollectedTrials: what comes on the wire becomes the trials of the recording again."""

import heapq
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from grasp_decoder.features.trial_bins import bin_trials
from grasp_decoder.recording.batches import batches
from grasp_decoder.recording.synthetic import synthesize
from grasp_decoder.system.collected_trials import LONGEST_NS, CollectedTrials
from grasp_decoder.types.time import NS_PER_S
from grasp_decoder.types.trial_event import TrialEvent, TrialResult

from helpers.trial_stream import DELAY_NS, as_one_segment, feed, stream

BIN_NS = 40_000_000


@pytest.fixture(scope='module')
def session():
    [session] = synthesize(units=24, trials=6, objects=2)
    return replace(session, trials=tuple(replace(trial, correct=True) for trial in session.trials))


def collector(session, most=100):
    return CollectedTrials(session.units, BIN_NS, most)


def binned(session):
    """Trials in bins, by their id."""
    return {trial.trial_id: trial for trial in bin_trials(session, BIN_NS, {})}


@pytest.mark.parametrize('delay_ns', [-DELAY_NS, 0, DELAY_NS])
def test_trials_have_the_counts_and_events_of_the_recording(session, delay_ns):
    collected = collector(session)
    feed(collected, stream(session, delay_ns))
    assert collected.count == 5  # nothing says yet that the last one is over
    again = collected.session('today')
    assert again.units == session.units and again.name == 'today'
    recorded = binned(session)
    for trial_id, trial in binned(again).items():
        right = recorded[trial_id]
        assert (trial.object_id, trial.event_bins) == (right.object_id, right.event_bins)
        assert np.array_equal(trial.counts, right.counts[: trial.n_bins]) and trial.n_bins > trial.event_bins['Rew']
        assert np.array_equal(trial.phase, right.phase[: trial.n_bins])


def test_events_may_come_long_before_their_spikes(session):
    collected = collector(session)
    feed(collected, sorted(stream(session), key=lambda each: not isinstance(each, TrialEvent)))
    assert collected.count == 5


def test_an_endless_segment_is_cut_into_the_same_trials(session):
    collected = collector(session)
    events = (replace(each, segment=0) for each in stream(session) if isinstance(each, TrialEvent))
    spikes = batches(session, 10_000_000, [as_one_segment(session)])
    feed(collected, heapq.merge(events, spikes, key=lambda each: getattr(each, 'stamp_ns', 0) or each.end_ns))
    assert collected.count == 5
    for trial, right in zip(collected.session('').trials, session.trials):
        assert trial.object_id == right.object_id and list(trial.events) == list(right.events)
        seen = (right.times_ns >= min(right.events.values())) & (right.times_ns < max(right.events.values()))
        assert len(trial.times_ns) >= seen.sum()


def test_a_trial_with_a_missing_batch_or_without_a_reward_or_an_object_or_that_failed_is_left_out(session):
    hold_ns = session.trials[0].events['Hold']

    def spoil(message):
        if not isinstance(message, TrialEvent):
            return None if message.segment == 0 and message.start_ns <= hold_ns < message.end_ns else message
        if (message.segment, message.label) == (1, 'Rew'):
            return None
        if (message.segment, message.label) == (3, 'End'):
            return replace(message, result=TrialResult.ERROR)
        return replace(message, object_id=-1) if message.segment == 2 else message

    collected = collector(session)
    feed(collected, (spoilt for message in stream(session) if (spoilt := spoil(message)) is not None))
    assert collected.count == 1
    [kept] = collected.session('').trials
    assert (kept.object_id, kept.correct) == (session.trials[4].object_id, True)


def test_only_the_newest_are_kept_and_a_source_that_begins_again_joins_in(session):
    collected = collector(session, most=3)
    feed(collected, stream(session))
    feed(collected, stream(session, source=8))
    trials = collected.session('').trials
    assert collected.count == 10 and [trial.id for trial in trials] == [0, 1, 2]
    assert [trial.object_id for trial in trials] == [trial.object_id for trial in session.trials[2:5]]
    assert all(one.stop_ns < other.start_ns for one, other in pairwise(trials))


def test_heartbeats_and_streams_of_other_units_are_no_trials(session):
    collected = collector(session)
    feed(
        collected,
        (each if isinstance(each, TrialEvent) else replace(each, unit_count=3) for each in stream(session)),
    )
    assert collected.count == 0


def test_spikes_are_not_kept_for_ever(session):
    collected = collector(session)
    batch = next(batches(session, 10_000_000))
    for number in range(6 * LONGEST_NS // NS_PER_S):
        start = number * NS_PER_S
        segment = start // (2 * LONGEST_NS)  # a source that was lost twice, for a moment
        collected.take_spikes(replace(batch, segment=segment, start_ns=start, end_ns=start + NS_PER_S))
        collected.take_event(TrialEvent(start, number, 9, 'Start', 21))
    kept = [len(batches) for batches in collected._batches.values()]
    assert len(kept) == 3 and max(kept) <= LONGEST_NS // NS_PER_S + 1 and len(collected._heard) <= 1000

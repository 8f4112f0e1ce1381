# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Binned trials and their labels."""

import numpy as np
import pytest

from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.features.aperture import synthetic_aperture
from grasp_decoder.features.trial_bins import bin_trials, classes_of, usable_trials
from grasp_decoder.recording.session import Session, Trial, Unit
from grasp_decoder.types.decoded_grasp import GRASP, REST

BIN_NS = 40_000_000
EVENTS = {'Start': 0.0, 'Cue': 0.2, 'Go': 0.5, 'Hold': 0.81, 'Rew': 1.2, 'End': 1.5}


def make_trial(
    trial_id=0,
    object_id=21,
    correct=True,
    events=EVENTS,
    start_s=10.0,
    stop_s=11.55,
    seed=0,
    units=3,
    spikes=200,
    excluded=False,
):
    rng = np.random.default_rng(seed)
    start, stop = round(start_s * 1e9), round(stop_s * 1e9)
    return Trial(
        id=trial_id,
        start_ns=start,
        stop_ns=stop,
        events={label: start + round(time * 1e9) for label, time in events.items()},
        object_id=object_id,
        correct=correct,
        times_ns=np.sort(rng.integers(start, stop, spikes)),
        units=rng.integers(0, units, spikes).astype(np.uint16),
        excluded=excluded,
    )


def make_session(*trials):
    return Session('made', tuple(Unit(i) for i in range(3)), trials)


def test_counts_and_labels_per_bin():
    trial = make_trial()
    (bins,) = bin_trials(make_session(trial), BIN_NS)
    assert bins.counts.shape == (38, 3) and bins.counts.dtype == np.uint16  # 1.55 s: 38 whole bins and a partial one
    in_bin = (trial.times_ns - trial.start_ns) // BIN_NS == 7
    assert bins.counts[7].tolist() == np.bincount(trial.units[in_bin], minlength=3).tolist()
    assert bins.event_bins == {'Start': 0, 'Cue': 5, 'Go': 12, 'Hold': 20, 'Rew': 30, 'End': 37}
    assert np.flatnonzero(bins.phase == GRASP).tolist() == list(range(20, 30))
    assert set(np.unique(bins.phase)) == {REST, GRASP}


def test_synthetic_aperture_follows_the_published_trajectory():
    (bins,) = bin_trials(make_session(make_trial()), BIN_NS)
    end_s = (np.arange(bins.n_bins) + 1) * 0.04
    assert not bins.dof[end_s < 0.5].any() and (bins.dof[(end_s > 0.81) & (end_s < 1.2)] == 1).all()
    assert (np.diff(bins.dof[end_s < 0.81]) >= 0).all() and (np.diff(bins.dof[end_s > 1.2]) <= 0).all()
    middle = synthetic_aperture({'Go': 0, 'Hold': 10, 'Rew': 20, 'End': 30}, np.array([5, 25]))
    assert middle.tolist() == [0.5, 0.5]


def test_aperture_is_nan_without_its_events():
    events = {label: time for label, time in EVENTS.items() if label != 'Go'}
    (bins,) = bin_trials(make_session(make_trial(events=events)), BIN_NS)
    assert np.isnan(bins.dof).all() and bins.phase.any()


def test_identical_objects_are_merged():
    bins = bin_trials(make_session(make_trial(0, 11), make_trial(1, 41), make_trial(2, 21)))
    assert [b.object_id for b in bins] == [41, 41, 21] and [b.recorded_object_id for b in bins] == [11, 41, 21]
    assert classes_of(bins) == (21, 41)
    assert [b.object_id for b in bin_trials(make_session(make_trial(0, 11)), merge={})] == [11]


def test_only_usable_trials_are_kept():
    without_hold = {label: time for label, time in EVENTS.items() if label != 'Hold'}
    trials = [
        make_trial(0),
        make_trial(1, correct=False),
        make_trial(2, excluded=True),
        make_trial(3, correct=None),
        make_trial(4, events=without_hold),
        make_trial(5, object_id=-1),
        make_trial(6, object_id=84),
    ]
    assert [t.id for t in usable_trials(make_session(*trials))] == [0, 3, 6]


@pytest.mark.parametrize(
    'change, message',
    [
        ({'events': {'Start': 0.0}}, 'no trial has the events Hold and Rew'),
        ({'object_id': -1}, 'no trial has an object'),
        ({'spikes': 0}, 'no trial has a spike'),
        ({'correct': False}, 'no trial is correct'),
    ],
)
def test_a_session_without_usable_trials_says_why(change, message):
    with pytest.raises(GraspDecoderError, match=message):
        bin_trials(make_session(make_trial(**change)))


def test_the_published_protocol_labels_a_bin_by_the_next_one():
    trial = make_trial()
    (default,) = bin_trials(make_session(trial))
    (published,) = bin_trials(make_session(trial), protocol='published')
    assert np.array_equal(published.counts, default.counts[:-1])
    assert np.array_equal(published.phase, default.phase[1:]) and np.array_equal(published.dof, default.dof[1:])


def test_a_bin_longer_than_hold_is_refused():
    with pytest.raises(GraspDecoderError, match='longer than the hold phase'):
        bin_trials(make_session(make_trial()), 1_300_000_000)
    with pytest.raises(GraspDecoderError, match='above 0'):
        bin_trials(make_session(make_trial()), 0)

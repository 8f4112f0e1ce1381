# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""What `inspect` says is odd."""

from dataclasses import replace

import numpy as np

from grasp_decoder.cli.inspect import main as inspect
from grasp_decoder.recording.oddities import oddities
from grasp_decoder.recording.synthetic import synthesize
from grasp_decoder.recording.writing import write_session


def test_inspect_says_what_a_person_would_see(tmp_path, capsys):
    [session] = synthesize(5, 3)
    assert oddities(session) == []
    first, second, third = session.trials
    hum = np.arange(third.start_ns, third.stop_ns, 1_000_001)
    once = first.units == 0
    first = with_spikes(first, first.times_ns[once], 0)  # each of them twice now
    second = with_spikes(second, second.times_ns[second.units == 1], 3, instead=True)
    third = with_spikes(third, hum, 4)
    third = replace(third, events=third.events | {'Go': third.events['Rew'] + 1, 'End': third.stop_ns + 1})
    third = without(third, 1, 3)
    first = without(first, 1, 3)
    spoilt = replace(session, trials=(first, second, replace(third, id=2)))
    text = ' '.join(oddities(spoilt))
    assert 'events that are not in the order Cue, Go, Hold, Rew in trials 2 ' in text + ' '
    assert (
        'outside of their trial in trials 2 ' in text
        and 'twice at the same time: exported twice, or counts of bins: 0 ' in text
    )
    assert 'more than 200 times a second: noise, or no units: 4 ' in text
    assert 'with one other: copies of one unit: 1, 3' in text
    write_session(spoilt, tmp_path / 'x.mat')
    assert inspect([str(tmp_path / 'x.mat')]) == 0
    assert '  odd     units that fire more than 200 times' in capsys.readouterr().out


def test_units_on_a_coarse_clock_are_no_copies():
    """Of 60 units, others fire in nearly every bin of 100 ms."""
    [session] = synthesize(60, 10)
    trials = []
    for trial in session.trials:
        spikes = np.unique(trial.times_ns // 100_000_000 * 100 + trial.units)
        trials.append(replace(trial, times_ns=spikes // 100 * 100_000_000, units=(spikes % 100).astype(np.uint16)))
    assert [remark for remark in oddities(replace(session, trials=tuple(trials))) if 'copies' in remark] == []


def without(trial, *units):
    kept = ~np.isin(trial.units, units)
    return replace(trial, times_ns=trial.times_ns[kept], units=trial.units[kept])


def with_spikes(trial, times_ns, unit, instead=False):
    """A trial with more spikes of a unit, or with these in place of its own."""
    kept = trial.units != unit if instead else np.ones(len(trial.units), bool)
    times = np.concatenate([trial.times_ns[kept], times_ns])
    units = np.concatenate([trial.units[kept], np.full(len(times_ns), unit, np.uint16)])
    order = np.lexsort((units, times))
    return replace(trial, times_ns=times[order], units=units[order])

# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Spikes and markers of a real LSL outlet in another process. A killed one is in test/nodes/test_spike_source.py."""

import itertools
import re
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.features.binning import Binner, bin_counts
from grasp_decoder.recording.synthetic import synthesize
from grasp_decoder.recording.writing import write_session
from grasp_decoder.sources.live_source import LiveSource
from grasp_decoder.sources.spike_system import SystemLost, SystemSettings
from grasp_decoder.sources.unit_map import unit_map_of
from grasp_decoder.sources.windows import Timing

pytest.importorskip('pylsl', reason='pylsl is not installed')

import pylsl

from grasp_decoder.sources.lsl import LslSystem

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures('own_lsl')]

SENDER = Path(__file__).resolve().parents[2] / 'examples' / 'lsl_sender.py'
BIN_NS = 40_000_000
MS = 1_000_000


@pytest.fixture(scope='module')
def session():
    return synthesize(units=552, trials=1, objects=2, seed=3)[0]


@pytest.fixture
def sender(session, tmp_path):
    """The process that streams the trial of the session, again and again."""
    write_session(session, tmp_path / 'session.neo.mat')
    command = [sys.executable, SENDER, tmp_path / 'session.neo.mat', '--name', 'test']
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as sender:
        yield sender
        sender.kill()


def test_a_session_gives_the_same_bins(session, sender):
    unit_map = unit_map_of(session.units, 'session')
    settings = SystemSettings(address='test', events='test markers')
    # The delay is long, so that a busy machine loses nothing.
    timing = Timing(10 * MS, 1000 * MS, 5000 * MS)
    source = LiveSource(partial(LslSystem, settings, unit_map, {}), unit_map, timing)
    batches, events = [], []

    def receive_until(condition):
        deadline = time.monotonic() + 60
        while not condition():
            assert time.monotonic() < deadline, source.trouble
            if (batch := source.next_batch()) is not None:
                batches.append(batch)
            events.extend(source.take_events())

    def of_a_trial():
        """Its events, from a Start on: that of the first trial is missed if the stream of markers is opened late."""
        return list(itertools.dropwhile(lambda event: event.label != 'Start', events))

    receive_until(lambda: 'Correct' in [event.label for event in of_a_trial()])
    first_ns, trial = int(re.search('[0-9]+', sender.stdout.readline())[0]), session.trials[0]
    receive_until(lambda: batches[-1].end_ns - first_ns > trial.stop_ns - trial.start_ns + BIN_NS)
    assert [event.label for event in of_a_trial()][: len(trial.events) + 1] == [*trial.events, 'Correct']
    assert (of_a_trial()[0].object_id, of_a_trial()[0].trial) == (trial.object_id, 1)
    assert (source.health.late, source.health.ahead, source.health.unknown, source.health.lost) == (0, 0, 0, 0)
    assert {'clock offset (ms)', 'samples that are no numbers'} == source.counts().keys()
    _check_bins(batches, first_ns, session)
    source.close()


def _check_bins(batches, first_ns, session):
    """The bins that a decoder counts are those of the file, for a grid that starts with the first batch."""
    trial = session.trials[0]
    binner = Binner(BIN_NS, session.unit_count)
    online = np.array([each.counts for batch in batches for each in binner.push(batch)])
    origin_ns = batches[0].start_ns - first_ns
    offline = bin_counts(
        trial.times_ns - trial.start_ns,
        trial.units,
        origin_ns,
        origin_ns + len(online) * BIN_NS,
        BIN_NS,
        session.unit_count,
    )
    whole = (trial.stop_ns - trial.start_ns - origin_ns) // BIN_NS
    assert origin_ns < 0 and offline.sum() == len(trial.times_ns)
    assert np.array_equal(online[:whole], offline[:whole])


def outlet(name, kind, channel_format, source_id='id'):
    return pylsl.StreamOutlet(pylsl.StreamInfo(name, kind, 1, pylsl.IRREGULAR_RATE, channel_format, source_id))


def opened(senders=None, **settings):
    return LslSystem(SystemSettings(**settings), unit_map_of([], ''), {} if senders is None else senders)


def test_of_two_streams_none_is_taken_for_the_other():
    streams = [outlet(name, 'Spikes', pylsl.cf_int32) for name in ('ours', 'theirs')]
    with pytest.raises(GraspDecoderError, match="2 LSL streams of type 'Spikes', 'ours' of .* and 'theirs' of "):
        opened()
    opened(address='ours').close()
    streams.append(outlet('ours', 'Spikes', pylsl.cf_int32, 'another id'))
    with pytest.raises(GraspDecoderError, match="2 LSL streams of name 'ours', .*: end all but one, or give"):
        opened(address='ours')
    del streams


def lost(system):
    """Wait until LSL says that the sender has ended."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            system.receive(0.1)
        except SystemLost:
            system.close()
            return True
    return False


@pytest.mark.parametrize(('name', 'source_id'), [('theirs', 'id'), ('ours', 'another id')])
def test_after_a_loss_only_the_same_sender_is_taken(name, source_id):
    senders, ours = {}, outlet('ours', 'Spikes', pylsl.cf_int32)
    system = opened(senders)
    theirs = outlet(name, 'Spikes', pylsl.cf_int32, source_id)
    del ours
    assert lost(system)
    for _ in range(2):
        with pytest.raises(SystemLost, match=rf"LSL stream 'ours' of \S+ \(id 'id'\) has ended, and '{name}' of"):
            opened(senders)
    ours = outlet('ours', 'Spikes', pylsl.cf_int32)
    system = opened(senders)
    theirs.push_sample([1])
    ours.push_sample([7])
    assert [spike.channel for spike in system.receive(10.0).spikes] == ['7']
    twice = outlet('ours', 'Spikes', pylsl.cf_int32)
    with pytest.raises(SystemLost, match='there are 2 LSL streams .*: end all but one'):
        opened(senders)
    del twice
    system.close()


def test_spikes_go_on_without_markers():
    spikes, markers = outlet('spikes', 'Spikes', pylsl.cf_int32), outlet('marks', 'Markers', pylsl.cf_string)
    system = opened(address='spikes', events='marks')
    del markers
    deadline = time.monotonic() + 60
    while 'markers' not in system.counts() and time.monotonic() < deadline:
        spikes.push_sample([7])
        got = system.receive(0.05)
    assert system.counts()['markers'] == "LSL stream 'marks' has ended"
    spikes.push_sample([7])
    assert got.spikes or system.receive(5.0).spikes
    system.close()


def test_a_stream_that_is_not_there_is_said_in_one_line():
    with pytest.raises(SystemLost, match="there is no LSL stream of name 'none'"):
        opened(address='none')

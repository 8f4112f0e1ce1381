# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Replay: steps when they are due, heartbeats in between, and no jump after a pause, a seek or a change of speed."""

import numpy as np
import pytest

from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.recording.playback import Playback, heartbeat_at
from grasp_decoder.recording.replay import HEARTBEAT_NS, LONGEST_WAIT_NS, Replay
from grasp_decoder.recording.session import Session, Trial, Unit

MS = 1_000_000


class Sender:
    """Sends what a replay says, on a clock of its own."""

    def __init__(self, speed=1.0, paused=False):
        trials = tuple(
            Trial(number, start * MS, (start + 200) * MS, {}, 21, True, np.empty(0, np.int64), np.empty(0, np.uint16))
            for number, start in enumerate((0, 300))
        )
        session = Session('s', (Unit(0),), trials)
        self.now_ns = 1000 * MS
        self.sent = []  # (time since the beginning in ms, end of the batch in ms, heartbeat or step)
        playback = Playback(session, session.trials, 50 * MS)
        self.replay = Replay(playback, heartbeat_at(0, 1), speed, paused, lambda: self.now_ns)
        self.replay.begin()

    def run(self, duration_ms):
        end_ns = self.now_ns + duration_ms * MS
        while self.now_ns < end_ns:
            step = self.replay.next_step()
            if self.replay.ended:
                return
            if step is not None and self.now_ns >= self.replay.due_ns(step):
                self._note(step.batch, 'step')
                self.replay.sent(step)
            elif (heartbeat := self.replay.heartbeat()) is not None:
                self._note(heartbeat, 'heartbeat')
            else:
                wait_ns = self.replay.wait_ns()
                assert 0 < wait_ns <= LONGEST_WAIT_NS
                self.now_ns += wait_ns

    def steps(self):
        return [(at, end) for at, end, what in self.sent if what == 'step']

    def _note(self, batch, what):
        self.sent.append((self.now_ns // MS - 1000, batch.end_ns // MS, what))


def test_steps_come_when_they_are_due_and_the_end_is_noticed():
    sender = Sender()
    sender.run(10_000)
    assert sender.replay.ended
    ends = [50, 100, 150, 200, 350, 400, 450, 500]
    assert sender.steps() == [(end, end) for end in ends]


def test_heartbeats_fill_every_silence():
    sender = Sender(paused=True)
    sender.run(500)
    assert {what for _, _, what in sender.sent} == {'heartbeat'}
    assert np.diff([at for at, _, _ in sender.sent]).max() * MS <= HEARTBEAT_NS
    assert {end for _, end, _ in sender.sent} == {0}


def test_after_a_pause_it_goes_on_where_it_was():
    sender = Sender()
    sender.run(120)
    sender.replay.pause()
    sender.run(1000)
    sender.replay.resume()
    sender.replay.resume()  # of a replay that is not paused: nothing happens
    sender.run(60)
    assert sender.steps() == [(50, 50), (100, 100), (1170, 150)]


def test_a_seek_drops_the_step_that_was_next():
    sender = Sender()
    sender.run(60)
    sender.replay.seek(1, 100 * MS)
    sender.run(500)
    assert [end for _, end in sender.steps()] == [50, 450, 500]
    with pytest.raises(GraspDecoderError, match='trial 7 is not among the 2'):
        sender.replay.seek(7, 0)


def test_another_speed_counts_from_now():
    sender = Sender()
    sender.run(110)
    sender.replay.set_speed(5.0)
    sender.run(25)
    assert sender.steps() == [(50, 50), (100, 100), (120, 150), (130, 200)]
    with pytest.raises(GraspDecoderError, match='speed changes from or to 0'):
        sender.replay.set_speed(0.0)


def test_without_a_speed_every_step_is_due_at_once():
    sender = Sender(speed=0.0)
    assert not sender.replay.paced
    sender.run(1)
    assert len(sender.steps()) == 8 and sender.replay.ended
    sender.replay.set_speed(0.0)  # as before

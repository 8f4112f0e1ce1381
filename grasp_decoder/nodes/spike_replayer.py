# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""spike_replayer: a recorded session as the /spikes and /trial_events of a live one.

It paces against CLOCK_MONOTONIC, so that it never drifts, or (speed 0) lets the decoder set the pace. It sends a
heartbeat at least every 50 ms, also while paused. Services: ``~/pause``, ``~/resume``, ``~/seek``.
"""

from __future__ import annotations

import secrets
import threading
import time

from rclpy.duration import Duration
from rclpy.node import Node
from rosgraph_msgs.msg import Clock

from grasp_decoder import msg
from grasp_decoder.bundle.bundle import load_bundle
from grasp_decoder.nodes.conversion import spike_batch_message, stamp, trial_event_message
from grasp_decoder.nodes.decoder_follower import DecoderFollower
from grasp_decoder.nodes.life import goes_on, run_node
from grasp_decoder.nodes.parameters import declare
from grasp_decoder.nodes.real_time import RealTime
from grasp_decoder.nodes.replay_services import ReplayServices
from grasp_decoder.nodes.sole_publisher import SolePublisher
from grasp_decoder.nodes.spin import spin
from grasp_decoder.nodes.topics import DEEP, advertise
from grasp_decoder.objects import load_objects
from grasp_decoder.recording.playback import Playback, Step, heartbeat_at
from grasp_decoder.recording.reading import read_session
from grasp_decoder.recording.replay import Replay
from grasp_decoder.system.interfaces import CLOCK, SPIKES, TRIAL_EVENTS
from grasp_decoder.system.node_settings import RealTimeSettings, ReplayerSettings
from grasp_decoder.system.selection import select_trials
from grasp_decoder.types.time import NS_PER_MS, NS_PER_S

# Sleeping takes longer than asked for: the last moment is waited for awake.
OVERSLEEP_NS = 200_000
# A new reader is ready a moment after it has been discovered.
SETTLING_S = 0.3
# What a busy listener has not got at the end is sent again. DDS does so every 3 s.
LAST_WORDS_S = 10.0
POLL = Duration(seconds=0.1)


class SpikeReplayer(Node):
    """Wires a `Replay` to topics.

    The main thread keeps the time and publishes (`_work`). Services run in the thread beside it. The lock guards the
    replay.
    """

    def __init__(self):
        super().__init__('spike_replayer')
        self._settings = settings = declare(self, ReplayerSettings, self._change)
        self._real_time = RealTime(self, declare(self, RealTimeSettings))
        session = read_session(settings.session, settings.mapping or None, load_objects(settings.objects))
        manifest = load_bundle(settings.bundle).manifest if settings.split == 'test' else None
        trials = select_trials(session, manifest, settings.split, settings.trials, settings.only_correct)
        playback = Playback(session, trials, round(settings.batch_ms * NS_PER_MS), settings.loop)
        first = heartbeat_at(trials[0].start_ns, session.unit_count)
        self._replay = Replay(playback, first, settings.speed, settings.start_paused)
        self._lock = threading.Lock()
        self._session_name = session.name
        self._prepared: Step | None = None
        self._sequence = 0
        self._source = secrets.randbits(63) + 1
        # At full speed only the decoder is waited for. The queue keeps what slower listeners have not taken yet.
        self._spikes = advertise(self, SPIKES, None if self._replay.paced else DEEP)
        self._events = advertise(self, TRIAL_EVENTS)
        self._clock_publisher = advertise(self, CLOCK) if settings.clock else None
        self._follower = None if self._replay.paced else DecoderFollower(self)
        self._sole = SolePublisher(self, SPIKES)
        self._requests = ReplayServices(self, self._replay, self._lock)

    def run(self) -> None:
        """Replay until the end or until ROS shuts down."""
        self._real_time.apply()
        self._wait_for_subscribers()
        self._replay.begin()
        spin(self, self._work, beside=self._real_time.step_back)
        self._wait_for_the_slowest()

    def _wait_for_subscribers(self) -> None:
        wanted = self._settings.subscribers
        if self._spikes.get_subscription_count() < wanted:
            self.get_logger().info(f'waiting for {wanted} subscriber(s) of {self._spikes.topic_name}')
        while self._spikes.get_subscription_count() < wanted and goes_on(self):
            time.sleep(0.02)
        time.sleep(SETTLING_S)

    def _wait_for_the_slowest(self) -> None:
        until = time.monotonic() + LAST_WORDS_S
        for publisher in (self._spikes, self._events):
            while goes_on(self) and time.monotonic() < until and not publisher.wait_for_all_acked(POLL):
                pass

    def _work(self) -> bool:
        """Send what is due, else wait for a moment; False at the end."""
        with self._lock:
            step = self._replay.next_step()
            if step is not None and step is not self._prepared:
                # Made before it is due, so that it is sent the moment that it is.
                self._prepared, self._message = step, spike_batch_message(step.batch, self._session_name)
            if self._replay.ended:
                return False
            if step is not None and self._is_due(step):
                self._send_step(step)
                return True
            heartbeat = self._replay.heartbeat()
            if heartbeat is not None:
                self._send(spike_batch_message(heartbeat, self._session_name), time.monotonic_ns())
                return True
            wait_ns = self._replay.wait_ns()
        if step is not None and self._follower is not None:
            self._follower.listen(wait_ns)
        elif wait_ns > OVERSLEEP_NS:
            time.sleep((wait_ns - OVERSLEEP_NS) / NS_PER_S)
        return True

    def _is_due(self, step: Step) -> bool:
        if self._follower is not None:
            return self._follower.keeps_up()
        return time.monotonic_ns() >= self._replay.due_ns(step)

    def _send_step(self, step: Step) -> None:
        if self._follower is not None:
            self._follower.sent(step.batch)
        self._send(self._message, self._replay.due_ns(step))
        self._replay.sent(step)
        for event in step.events:
            self._events.publish(trial_event_message(event, self._session_name))
        if self._clock_publisher is not None:
            self._clock_publisher.publish(Clock(clock=stamp(step.batch.end_ns)))

    def _send(self, message: msg.SpikeBatch, due_ns: int) -> None:
        message.sequence, message.source = self._sequence, self._source
        message.due_ns = due_ns
        self._spikes.publish(message)
        self._sequence += 1

    def _change(self, settings: ReplayerSettings) -> None:
        with self._lock:
            self._replay.set_speed(settings.speed)


def main(args=None) -> int:
    return run_node(SpikeReplayer, args)

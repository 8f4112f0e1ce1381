# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""spike_replayer: a recorded session as the /spikes and /trial_events of a live one.

It paces against CLOCK_MONOTONIC, so that it never drifts, or (speed 0) lets the decoder set the pace, or follows the
clock of a simulated world. It sends a heartbeat at least every 50 ms, also while paused. Services: ``~/pause``,
``~/resume``, ``~/seek``.
"""

from __future__ import annotations

import threading
import time

from rclpy.node import Node

from grasp_decoder.bundle.bundle import load_bundle
from grasp_decoder.nodes.conversion import spike_batch_message
from grasp_decoder.nodes.decoder_follower import DecoderFollower
from grasp_decoder.nodes.followed_clock import FollowedClock
from grasp_decoder.nodes.life import run_node
from grasp_decoder.nodes.parameters import declare
from grasp_decoder.nodes.real_time import RealTime
from grasp_decoder.nodes.replay_in_step import ReplayInStep
from grasp_decoder.nodes.replay_outputs import ReplayOutputs
from grasp_decoder.nodes.replay_services import ReplayServices
from grasp_decoder.nodes.sole_publisher import SolePublisher
from grasp_decoder.nodes.spin import spin
from grasp_decoder.objects import load_objects
from grasp_decoder.recording.playback import Playback, Step, heartbeat_at
from grasp_decoder.recording.reading import read_session
from grasp_decoder.recording.replay import Replay
from grasp_decoder.system.interfaces import SPIKES
from grasp_decoder.system.node_settings import RealTimeSettings, ReplayerSettings
from grasp_decoder.system.replay_options import SIMULATED
from grasp_decoder.system.selection import select_trials
from grasp_decoder.types.time import NS_PER_MS, NS_PER_S

# Sleeping takes longer than asked for: the last moment is waited for awake.
OVERSLEEP_NS = 200_000


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
        world = FollowedClock(self) if settings.clock == SIMULATED else None
        clock = world.time_ns if world else time.monotonic_ns
        self._replay = replay = Replay(playback, first, settings.speed, settings.start_paused, clock)
        self._lock = threading.Lock()
        self._session_name = session.name
        self._prepared: Step | None = None
        # Only the decoder is waited for then. The queue keeps what slower listeners have not taken yet.
        deep = world is not None or not replay.paced
        self._outputs = ReplayOutputs(self, session.name, deep, settings.publish_clock)
        self._in_step = ReplayInStep(self, world, replay, self._lock, self._outputs, session.name) if world else None
        self._follower = None if replay.paced else DecoderFollower(self)
        self._sole = SolePublisher(self, SPIKES)
        self._requests = ReplayServices(self, replay, self._lock)

    def run(self) -> None:
        """Replay until the end or until ROS shuts down."""
        self._real_time.apply()
        self._outputs.wait_for_subscribers(self._settings.subscribers)
        if self._in_step is not None:
            self._in_step.wait_for_the_world()
        self._replay.begin()
        spin(self, self._in_step.work if self._in_step else self._work, beside=self._real_time.step_back)
        self._outputs.wait_for_the_slowest()

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
                self._outputs.send(spike_batch_message(heartbeat, self._session_name), time.monotonic_ns())
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
        self._outputs.send(self._message, self._replay.due_ns(step))
        self._replay.sent(step)
        self._outputs.sent(step)

    def _change(self, settings: ReplayerSettings) -> None:
        with self._lock:
            self._replay.set_speed(settings.speed)


def main(args=None) -> int:
    return run_node(SpikeReplayer, args)

# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""What spike_replayer publishes, and whom it waits for before and after it."""

from __future__ import annotations

import secrets
import time

from rclpy.duration import Duration
from rclpy.node import Node
from rosgraph_msgs.msg import Clock

from grasp_decoder import msg
from grasp_decoder.nodes.conversion import trial_event_message
from grasp_decoder.nodes.life import goes_on
from grasp_decoder.nodes.stamps import stamp
from grasp_decoder.nodes.topics import DEEP, advertise
from grasp_decoder.recording.playback import Step
from grasp_decoder.system.interfaces import CLOCK, SPIKES, TRIAL_EVENTS

# A new reader is ready a moment after it has been discovered.
SETTLING_S = 0.3
# What a busy listener has not got at the end is sent again. DDS does so every 3 s.
LAST_WORDS_S = 10.0
POLL = Duration(seconds=0.1)


class ReplayOutputs:
    """Publishes batches, numbered, as one source, and the events of the trials."""

    def __init__(self, node: Node, session_name: str, deep: bool, publish_clock: bool):
        """``deep``: the queue of spikes keeps what slow listeners have not taken yet."""
        self._node = node
        self._session_name = session_name
        self._sequence = 0
        self._source = secrets.randbits(63) + 1
        self._spikes = advertise(node, SPIKES, DEEP if deep else None)
        self._events = advertise(node, TRIAL_EVENTS)
        self._clock = advertise(node, CLOCK) if publish_clock else None

    def send(self, message: msg.SpikeBatch, due_ns: int) -> None:
        """Send a batch that was due at this CLOCK_MONOTONIC."""
        message.sequence, message.source = self._sequence, self._source
        message.due_ns = due_ns
        self._spikes.publish(message)
        self._sequence += 1

    def sent(self, step: Step) -> None:
        """The batch of a step was sent: publish what happened in its window, and its end as the clock."""
        for event in step.events:
            self._events.publish(trial_event_message(event, self._session_name))
        if self._clock is not None:
            self._clock.publish(Clock(clock=stamp(step.batch.end_ns)))

    def wait_for_subscribers(self, wanted: int) -> None:
        """Wait until so many can take spikes."""
        if self._spikes.get_subscription_count() < wanted:
            self._node.get_logger().info(f'waiting for {wanted} subscriber(s) of {self._spikes.topic_name}')
        while self._spikes.get_subscription_count() < wanted and goes_on(self._node):
            time.sleep(0.02)
        time.sleep(SETTLING_S)

    def wait_for_the_slowest(self) -> None:
        """Wait, not for ever, until all subscribers have all messages."""
        until = time.monotonic() + LAST_WORDS_S
        for publisher in (self._spikes, self._events):
            while goes_on(self._node) and time.monotonic() < until and not publisher.wait_for_all_acked(POLL):
                pass

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
from std_srvs.srv import Trigger

from grasp_decoder import msg
from grasp_decoder.bundle.bundle import load_bundle
from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.nodes.conversion import spike_batch_message, stamp, trial_event_message
from grasp_decoder.nodes.decoder_follower import DecoderFollower
from grasp_decoder.nodes.parameters import declare
from grasp_decoder.nodes.sole_publisher import SolePublisher
from grasp_decoder.nodes.spin import prefer_real_time, run_node, spin
from grasp_decoder.nodes.topics import DEEP, advertise, serve
from grasp_decoder.objects import load_objects
from grasp_decoder.recording.playback import Pace, Playback, Step, heartbeat_at
from grasp_decoder.recording.reading import read_session
from grasp_decoder.srv import Seek
from grasp_decoder.system.interfaces import CLOCK, PAUSE, RESUME, SEEK, SPIKES, TRIAL_EVENTS
from grasp_decoder.system.node_settings import RealTimeSettings, ReplayerSettings
from grasp_decoder.system.selection import select_trials
from grasp_decoder.types.time import NS_PER_S, to_ns

HEARTBEAT_NS = 40_000_000
NAP_NS = 10_000_000
# Sleeping takes longer than asked for: the last moment is waited for awake.
OVERSLEEP_NS = 200_000
NS_PER_MS = 1_000_000
# A new reader is ready a moment after it has been discovered.
SETTLING_S = 0.3
# What a busy listener has not got at the end is sent to it again, which DDS thinks of every 3 s.
LAST_WORDS = Duration(seconds=10)


class SpikeReplayer(Node):
    """Sends the steps of a `Playback` when they are due.

    The main thread keeps the time and publishes (`_work`); services run in the thread beside it. The lock guards the
    playback against a seek.
    """

    def __init__(self):
        super().__init__('spike_replayer')
        self._settings = settings = declare(self, ReplayerSettings, self._change)
        self._real_time = declare(self, RealTimeSettings)
        session = read_session(settings.session, settings.mapping or None, load_objects(settings.objects))
        manifest = load_bundle(settings.bundle).manifest if settings.split == 'test' else None
        trials = select_trials(session, manifest, settings.split, settings.trials, settings.only_correct)
        self._session_name = session.name
        self._playback = Playback(session, trials, round(settings.batch_ms * NS_PER_MS), settings.loop)
        self._pace = Pace(settings.speed)
        self._last = heartbeat_at(trials[0].start_ns, session.unit_count)
        self._next: Step | None = None
        self._played_ns = 0
        self._sequence = 0
        self._source = secrets.randbits(63) + 1
        self._sent_ns = 0
        self._paused = settings.start_paused
        self._lock = threading.Lock()
        # At full speed only the decoder is waited for; the queue keeps what slower listeners have not taken yet.
        self._spikes = advertise(self, SPIKES, DEEP if settings.speed == 0 else None)
        self._events = advertise(self, TRIAL_EVENTS)
        self._clock_publisher = advertise(self, CLOCK) if settings.clock else None
        self._follower = DecoderFollower(self) if settings.speed == 0 else None
        self._sole = SolePublisher(self, SPIKES)
        serve(self, PAUSE, self._pause)
        serve(self, RESUME, self._resume)
        serve(self, SEEK, self._seek)

    def run(self) -> None:
        """Replay until the end or until ROS shuts down."""
        for refused in prefer_real_time(self._real_time.priority, self._real_time.cpu):
            self.get_logger().warning(refused)
        self._wait_for_subscribers()
        self._pace.go_on_from(0)
        spin(self, self._work)
        if self.context.ok():
            self._spikes.wait_for_all_acked(LAST_WORDS)
            self._events.wait_for_all_acked(LAST_WORDS)

    def _wait_for_subscribers(self) -> None:
        wanted = self._settings.subscribers
        if self._spikes.get_subscription_count() < wanted:
            self.get_logger().info(f'waiting for {wanted} subscriber(s) of {SPIKES.name}')
        while self._spikes.get_subscription_count() < wanted and self.context.ok():
            time.sleep(0.02)
        time.sleep(SETTLING_S)

    # --- main thread

    def _work(self) -> bool:
        """Send the next step when it is due, else a heartbeat when that is due, else wait; False at the end."""
        with self._lock:
            playing = not self._paused
            if playing and self._next is None:
                self._next = next(self._playback, None)
                if self._next is None:
                    return False
                self._message = spike_batch_message(self._next.batch, self._session_name)
            if playing and self._is_due():
                self._send_next()
                return True
            now = time.monotonic_ns()
            wait_ns = min(self._sent_ns + HEARTBEAT_NS - now, NAP_NS)
            if wait_ns <= 0:
                self._send_heartbeat()
                return True
            if playing and self._follower is None:
                wait_ns = min(wait_ns, self._pace.due_ns(self._next.due_ns) - now)
        if playing and self._follower is not None:
            self._follower.listen(wait_ns)
        elif wait_ns > OVERSLEEP_NS:
            time.sleep((wait_ns - OVERSLEEP_NS) / NS_PER_S)
        return True

    def _is_due(self) -> bool:
        if self._follower is not None:
            return self._follower.keeps_up()
        return time.monotonic_ns() >= self._pace.due_ns(self._next.due_ns)

    def _send_next(self) -> None:
        step, self._next = self._next, None
        self._last, self._played_ns = step.batch, step.due_ns
        if self._follower is None:
            self._send(self._message, self._pace.due_ns(step.due_ns))
        else:
            self._follower.sent(step.batch)
            self._send(self._message, time.monotonic_ns())
        for event in step.events:
            self._events.publish(trial_event_message(event, self._session_name))
        if self._clock_publisher is not None:
            self._clock_publisher.publish(Clock(clock=stamp(step.batch.end_ns)))

    def _send_heartbeat(self) -> None:
        batch = heartbeat_at(self._last.end_ns, self._last.unit_count, self._last.segment)
        self._send(spike_batch_message(batch, self._session_name), time.monotonic_ns())

    def _send(self, message: msg.SpikeBatch, due_ns: int) -> None:
        message.sequence, message.source = self._sequence, self._source
        message.due_ns = due_ns
        self._spikes.publish(message)
        self._sequence += 1
        self._sent_ns = time.monotonic_ns()

    # --- thread beside it

    def _change(self, settings: ReplayerSettings) -> None:
        if (settings.speed == 0) != (self._follower is not None):
            raise GraspDecoderError('speed changes from or to 0 only with a new start')
        with self._lock:
            self._pace = Pace(settings.speed)
            self._pace.go_on_from(self._played_ns)

    def _pause(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        with self._lock:
            self._paused = True
        response.success, response.message = True, 'paused'
        return response

    def _resume(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        with self._lock:
            if self._paused:
                self._paused = False
                self._pace.go_on_from(self._played_ns)
        response.success, response.message = True, 'playing'
        return response

    def _seek(self, request: Seek.Request, response: Seek.Response) -> Seek.Response:
        try:
            with self._lock:
                self._playback.seek(request.trial, int(to_ns(request.time)))
                self._next = None
                self._pace.go_on_from(self._played_ns)
        except GraspDecoderError as error:
            response.message = str(error)
            return response
        response.success, response.message = True, f'at {request.time:g} s of trial {request.trial}'
        return response


def main(args=None) -> int:
    return run_node(SpikeReplayer, args)


if __name__ == '__main__':
    raise SystemExit(main())

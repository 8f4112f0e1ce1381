# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""run_monitor: follows a whole run, lets the replayer go on, scores the run and writes its result.

It prints one line per trial and ends when the last trial has been decoded.
"""

from __future__ import annotations

import sys
import time
from functools import partial

from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from std_srvs.srv import Trigger

from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.nodes.life import goes_on, run_node
from grasp_decoder.nodes.parameters import declare
from grasp_decoder.nodes.receiver import Receiver
from grasp_decoder.nodes.spin import spun_here
from grasp_decoder.nodes.topics import DEEP, client, count_publishers, count_subscribers
from grasp_decoder.system.interfaces import DECODED_GRASP, DECODER_INFO, HAND_COMMAND, HAND_STATE, RESUME, SPIKES
from grasp_decoder.system.monitored_run import Connections, MonitoredRun
from grasp_decoder.system.node_settings import MonitorSettings
from grasp_decoder.system.replay_options import REAL
from grasp_decoder.types.from_message import (
    decoded_grasp_from,
    decoder_info_from,
    hand_command_from,
    hand_state_from,
    spike_batch_from,
)

NAP_S = 0.01
# Both ends of a new connection are ready a moment after it has been discovered.
SETTLING_S = 0.5


class RunMonitor(Node):
    """Wires a `MonitoredRun` to topics."""

    def __init__(self):
        super().__init__('run_monitor')
        self._settings = declare(self, MonitorSettings)
        self._run = run = MonitoredRun(self._settings, partial(print, flush=True))
        # An executor takes one message of a topic at a time. That is too slow where no message may be missed.
        self._inputs = [
            (Receiver(self, topic, DEEP), convert, take)
            for topic, convert, take in (
                (SPIKES, spike_batch_from, run.take_spikes),
                (DECODER_INFO, decoder_info_from, run.take_info),
                (DECODED_GRASP, decoded_grasp_from, run.take_decode),
                (HAND_COMMAND, hand_command_from, run.take_command),
                (HAND_STATE, hand_state_from, run.take_state),
            )
        ]
        self._resume = client(self, RESUME)

    def run(self) -> int:
        """See the run through; Ctrl-C ends it early, with the result so far.

        Returns:
            1 when bins are wrong, else 0.

        Raises:
            GraspDecoderError: the other nodes are not ready in time, or the decoder published nothing.
        """
        try:
            with spun_here(self) as executor:
                self._wait_for_the_others(executor)
                if goes_on(self):
                    self._release_replayer(executor)
                    self._receive_to_the_end()
        finally:
            problem = self._finish() if self._run.record.decodes else ''
        if not goes_on(self):
            return 0
        if not self._run.record.decodes:
            raise GraspDecoderError('run_monitor: the run ended without a decode: see the logs of the nodes')
        if problem:
            print(f'error: {problem}', file=sys.stderr)
        return int(bool(problem))

    def _receive(self) -> None:
        """Take every message that is there, then leave the CPU to those who decode."""
        for receiver, convert, take in self._inputs:
            for message in receiver.receive(0):
                take(convert(message))
        time.sleep(NAP_S)

    def _receive_for(self, duration_s: float) -> None:
        until = time.monotonic() + duration_s
        while goes_on(self) and time.monotonic() < until:
            self._receive()

    def _wait_for_the_others(self, executor: SingleThreadedExecutor) -> None:
        deadline = time.monotonic() + self._settings.start_timeout_s
        while goes_on(self) and (missing := list(self._run.missing(self._connections()))):
            if time.monotonic() > deadline:
                raise GraspDecoderError(
                    f'run_monitor: still waiting for {", ".join(missing)} after '
                    f'{self._settings.start_timeout_s:g} s: see the logs of the nodes'
                )
            executor.spin_once(0.0)
            self._receive()
        self._receive_for(SETTLING_S)

    def _connections(self) -> Connections:
        return Connections(
            replayer_answers=self._resume.service_is_ready(),
            spike_subscribers=count_subscribers(self, SPIKES),
            command_publishers=count_publishers(self, HAND_COMMAND),
            decode_subscribers=count_subscribers(self, DECODED_GRASP),
        )

    def _release_replayer(self, executor: SingleThreadedExecutor) -> None:
        answer = self._resume.call_async(Trigger.Request())
        while goes_on(self) and not answer.done():
            executor.spin_once(0.0)
            self._receive()
        self._run.begin()

    def _receive_to_the_end(self) -> None:
        while goes_on(self) and not self._run.complete:
            self._receive()
            if self._run.silent:
                return
        self._listen_to_the_hand()
        self._run.report_last_trials()

    def _listen_to_the_hand(self) -> None:
        if self._settings.clock == REAL:
            self._receive_for(self._settings.tail_s)
            return
        until_s = self._run.world_s + self._settings.tail_s
        while goes_on(self) and self._run.world_s < until_s and not self._run.silent:
            self._receive()

    def _finish(self) -> str:
        if self._run.lost_batches:
            self.get_logger().warning(
                f'{self._run.lost_batches} batches of spikes did not arrive here: their bins count as wrong'
            )
        return self._run.write_result(partial(goes_on, self))


def main(args=None) -> int:
    return run_node(RunMonitor, args)

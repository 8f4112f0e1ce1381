# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""adapter: makes better bundles from the trials of the running system, and has the decoder exchange them.

It collects the trials that /trial_events labels. From these, adapt makes a bundle in a process that only gets the CPU
time that nobody else wants, and compares it with the running one on the newest trials. One that is surely better is
exchanged by the service of the decoder; any other one is not written, and /diagnostics says why. ~/roll_back goes back
to the bundle before.
"""

from __future__ import annotations

import os
from functools import partial

from diagnostic_msgs.msg import DiagnosticStatus
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.node import Node
from rclpy.task import Future
from std_srvs.srv import Trigger

from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.nodes.audit import Audit
from grasp_decoder.nodes.diagnostics import Diagnostics, status
from grasp_decoder.nodes.life import run_node
from grasp_decoder.nodes.parameters import declare
from grasp_decoder.nodes.spin import spin_alone
from grasp_decoder.nodes.topics import DEEP, client, serve, subscribe
from grasp_decoder.srv import LoadBundle
from grasp_decoder.system.adapter import PATIENCE_S, Adapter, start_adapt
from grasp_decoder.system.interfaces import (
    ADAPT,
    DECODER_INFO,
    LOAD_BUNDLE,
    ROLL_BACK,
    SPIKES,
    TRIAL_EVENTS,
    Service,
)
from grasp_decoder.system.node_settings import AdapterSettings
from grasp_decoder.types import from_message

NICE = 10
PERIOD_S = 0.2


class AdapterNode(Node):
    """Wires an `Adapter` to topics, to its services and to that of the decoder."""

    def __init__(self):
        super().__init__('adapter')
        self._adapter = adapter = Adapter(declare(self, AdapterSettings), start_adapt)
        self._audit = Audit(self)
        self._decoder = client(self, LOAD_BUNDLE)
        subscribe(
            self, SPIKES, lambda message: adapter.trials.take_spikes(from_message.spike_batch_from(message)), DEEP
        )
        subscribe(
            self, TRIAL_EVENTS, lambda message: adapter.trials.take_event(from_message.trial_event_from(message)), DEEP
        )
        subscribe(self, DECODER_INFO, lambda message: adapter.take_info(from_message.decoder_info_from(message)))
        serve(self, ADAPT, self._adapt)
        # It waits for the decoder, whose answer is handled meanwhile.
        serve(self, ROLL_BACK, self._roll_back, callback_group=ReentrantCallbackGroup())
        self._timer = self.create_timer(PERIOD_S, self._step)
        self._diagnostics = Diagnostics(self, self._statuses, needs=(SPIKES, TRIAL_EVENTS, DECODER_INFO))

    def run(self) -> None:
        """Adapt until ROS shuts down."""
        try:
            spin_alone(self)
        finally:
            self._adapter.close()

    def _step(self) -> None:
        before = self._adapter.said
        if (bundle := self._adapter.step()) is not None:
            self._load(bundle).add_done_callback(partial(self._answered, bundle))
        if self._adapter.said != before:
            self.get_logger().info(self._adapter.said)

    def _load(self, bundle: str) -> Future:
        return self._decoder.call_async(LoadBundle.Request(bundle=bundle))

    def _answered(self, bundle: str, done: Future) -> None:
        self._adapter.answered(bundle, done.result().success, done.result().message)
        self.get_logger().info(self._adapter.said)

    def _adapt(self, _, response: Trigger.Response) -> Trigger.Response:
        try:
            response.success, response.message = True, self._adapter.adapt()
        except GraspDecoderError as error:
            response.message = str(error)
        return self._kept('adapt', ADAPT, response)

    async def _roll_back(self, _, response: Trigger.Response) -> Trigger.Response:
        try:
            if not self._decoder.service_is_ready():
                raise GraspDecoderError(f'nobody answers {self._decoder.srv_name}')
            answer = await self._soon(self._load(self._adapter.roll_back()))
            if answer is None:
                raise GraspDecoderError(f'the decoder does not answer within {PATIENCE_S:g} s')
            response.success, response.message = answer.success, answer.message
        except GraspDecoderError as error:
            response.message = str(error)
        return self._kept('roll back', ROLL_BACK, response)

    def _soon(self, asked: Future) -> Future:
        """The answer to a call; None where it takes too long."""
        answer = Future(executor=self.executor)
        timer = self.create_timer(PATIENCE_S, lambda: answer.done() or answer.set_result(None))
        asked.add_done_callback(lambda done: answer.done() or answer.set_result(done.result()))
        answer.add_done_callback(lambda _: self.destroy_timer(timer))
        return answer

    def _kept(self, what: str, service: Service, response: Trigger.Response) -> Trigger.Response:
        """The response, with a line in the audit log and in that of the node."""
        self._audit.requested(what, service, response.message if response.success else f'refused: {response.message}')
        self.get_logger().info(f'{what}: {response.message}')
        return response

    def _statuses(self) -> list[DiagnosticStatus]:
        adapter = self._adapter
        level = DiagnosticStatus.WARN if adapter.trouble else DiagnosticStatus.OK
        values = {
            'bundle': adapter.running,
            'usable trials': adapter.trials.count,
            'bundles taken': adapter.taken,
            'bundles that were not better': adapter.refused,
            'making a bundle for (s)': round(adapter.making_s),
            'last bundle': adapter.said,
        }
        return [
            status('adapter: bundle', level, adapter.trouble or adapter.activity.value, values),
            self._audit.status(),
        ]


def main(args=None) -> int:
    os.nice(NICE)
    return run_node(AdapterNode, args)

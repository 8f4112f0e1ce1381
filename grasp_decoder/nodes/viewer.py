# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""viewer: a page in a browser that shows the run to its operator, with e-stop, reset, pause and exchange of the bundle.

It looks on, in a process of its own that gives way to all others: when the machine is busy the page shows less often.
It serves this machine only, unless the parameter address says otherwise. With read_only it has no controls.
"""

from __future__ import annotations

import os
import time
from typing import Any

from diagnostic_msgs.msg import DiagnosticStatus
from rclpy.node import Node
from std_msgs.msg import Bool
from std_srvs.srv import Trigger

from grasp_decoder.control.grip_table import load_grip_table
from grasp_decoder.nodes.diagnostics import Diagnostics, status
from grasp_decoder.nodes.e_stop import page_topic
from grasp_decoder.nodes.life import goes_on, run_node
from grasp_decoder.nodes.parameters import declare
from grasp_decoder.nodes.receiver import Receiver
from grasp_decoder.nodes.spin import spun_here
from grasp_decoder.nodes.topics import advertise, client
from grasp_decoder.objects import load_objects
from grasp_decoder.page.library import require_viser
from grasp_decoder.page.seen_run import SeenRun
from grasp_decoder.srv import LoadBundle
from grasp_decoder.system import interfaces
from grasp_decoder.system.node_settings import ViewerSettings
from grasp_decoder.system.seen_messages import TAKERS

NICE = 10
PERIOD_S = 0.05
LET_GO_S = 0.2  # until hand_bridge has heard that the e-stop is no longer pressed


class Viewer(Node):
    """Wires a `SeenRun` to topics, and the controls of a `Page` to the e-stop and to services."""

    def __init__(self):
        super().__init__('viewer')
        settings = declare(self, ViewerSettings)
        require_viser()
        from grasp_decoder.page.page import Controls, Page
        from grasp_decoder.page.server import PageServer

        objects = load_objects(settings.objects)
        namespace = self.get_namespace().strip('/')
        self._run = SeenRun(load_grip_table(settings.grips, objects), namespace)
        # Latched: a hand_bridge that starts meanwhile hears of it too.
        self._stop = advertise(self, page_topic(self))
        self._callers = {
            service: client(self, service)
            for service in (interfaces.RESET, interfaces.PAUSE, interfaces.RESUME, interfaces.LOAD_BUNDLE)
        }
        controls = Controls(
            stop=self._press_stop,
            reset=self._reset,
            pause=lambda: self._ask(interfaces.PAUSE),
            resume=lambda: self._ask(interfaces.RESUME),
            load_bundle=lambda path: self._ask(interfaces.LOAD_BUNDLE, LoadBundle.Request(bundle=path)),
        )
        server = PageServer(settings.address, settings.port, f'grasp_decoder {namespace}'.strip())
        self._page = Page(server, objects, None if settings.read_only else controls)
        self._url = server.url
        self._inputs = [(Receiver(self, interfaces.seen(topic)), take) for topic, take in TAKERS.items()]
        self._diagnostics = Diagnostics(self, self._statuses)
        print(f'the page: {self._url}', flush=True)

    def run(self) -> None:
        """Take what has come and show it, until ROS shuts down."""
        try:
            with spun_here(self) as executor:
                while goes_on(self):
                    for receiver, take in self._inputs:
                        for message in receiver.receive(0):
                            take(self._run, message)
                    executor.spin_once(timeout_sec=0)
                    self._page.show(self._run)
                    time.sleep(PERIOD_S)
        finally:
            self._page.close()

    def _press_stop(self) -> None:
        self._stop.publish(Bool(data=True))
        self._page.answer('e-stop sent')

    def _reset(self) -> None:
        # What a page pressed before it crashed is let go too. Another switch has a topic of its own, and stays pressed.
        self._stop.publish(Bool(data=False))
        time.sleep(LET_GO_S)
        self._ask(interfaces.RESET)

    def _ask(self, service: interfaces.Service, request: Any = None) -> None:
        called = self._callers[service]
        if not called.service_is_ready():
            self._page.answer(f'nobody answers {called.srv_name}', good=False)
            return
        self._page.answer(f'{called.srv_name} ...')
        future = called.call_async(request or Trigger.Request())
        future.add_done_callback(
            lambda done: self._page.answer(done.result().message or service.meaning, done.result().success)
        )

    def _statuses(self) -> list[DiagnosticStatus]:
        return [status('viewer: page', DiagnosticStatus.OK, self._url, {'watched': self._page.watched})]


def main(args=None) -> int:
    os.nice(NICE)
    return run_node(Viewer, args)

# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""The services of spike_replayer: pause, resume, seek."""

from __future__ import annotations

from contextlib import AbstractContextManager

from rclpy.node import Node
from std_srvs.srv import Trigger

from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.nodes.topics import serve
from grasp_decoder.recording.replay import Replay
from grasp_decoder.srv import Seek
from grasp_decoder.system.interfaces import PAUSE, RESUME, SEEK
from grasp_decoder.types.time import to_ns


class ReplayServices:
    """Passes what is asked of ``node`` on to a `Replay`."""

    def __init__(self, node: Node, replay: Replay, lock: AbstractContextManager):
        """``lock`` guards the replay."""
        self._replay = replay
        self._lock = lock
        serve(node, PAUSE, self._pause)
        serve(node, RESUME, self._resume)
        serve(node, SEEK, self._seek)

    def _pause(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        with self._lock:
            self._replay.pause()
        response.success, response.message = True, 'paused'
        return response

    def _resume(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        with self._lock:
            self._replay.resume()
        response.success, response.message = True, 'playing'
        return response

    def _seek(self, request: Seek.Request, response: Seek.Response) -> Seek.Response:
        try:
            with self._lock:
                self._replay.seek(request.trial, int(to_ns(request.time)))
        except GraspDecoderError as error:
            response.message = str(error)
            return response
        response.success, response.message = True, f'at {request.time:g} s of trial {request.trial}'
        return response

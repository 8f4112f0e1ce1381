# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""The world in a gzserver of our own: its time, its models, where they are and what touches."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack, closing
from typing import Any

import numpy as np

from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.hand.gazebo.classic_transport import ClassicTransport
from grasp_decoder.hand.gazebo.messages import Contacts, Factory, PosesStamped, Request, Response, WorldControl
from grasp_decoder.hand.gazebo.server import TIMESTEP_S, WORLD_NAME, GazeboServer
from grasp_decoder.hand.transforms import from_quaternion
from grasp_decoder.types.time import NS_PER_S

TIMEOUT_S = 60.0  # for a gzserver that hangs: one that is starved of CPU is slow, and one that ends is seen
_CONNECT_PERIOD_S = 0.05  # between two attempts to connect
_POLL_S = 0.005
_INSERT_POLL_S = 0.02  # between two looks whether a new model is there
_RESEND_S = 0.5  # without an answer until an order to step is sent again
_CONTACT_NS = 50_000_000  # without news of a contact until it counts as ended
_TIMESTEP_NS = round(TIMESTEP_S * NS_PER_S)

_TOPICS = f'/gazebo/{WORLD_NAME}'
_POSES = f'{_TOPICS}/pose/local/info'
_CONTACTS = f'{_TOPICS}/physics/contacts'
_FACTORY = f'{_TOPICS}/factory'
_REQUEST = f'{_TOPICS}/request'
_RESPONSE = f'{_TOPICS}/response'
_CONTROL = f'{_TOPICS}/world_control'


class GazeboWorld:
    """Starts a gzserver and controls its world.

    Time in this world passes only in `step` and `insert_model`, however fast or busy the machine is.
    """

    def __init__(self, speed: float):
        """Start gzserver and wait until its world takes orders.

        Args:
            speed: seconds of simulation in one second that gzserver must reach.

        Raises:
            GraspDecoderError: gzserver cannot be installed or does not start.
        """
        self._time_ns = 0
        self._pose_time_ns = 0  # of the newest poses
        self._poses: dict[str, Any] = {}
        self._contact_ns: dict[frozenset[str], int] = {}
        self._request_ids = itertools.count(1)
        self._answered_id = 0
        with ExitStack() as started:
            self.server = started.enter_context(closing(GazeboServer(speed)))
            self._transport = started.enter_context(closing(self._connect()))
            # The master does not tell a world that comes up later what was advertised before.
            self.wait_until(lambda: self._transport.is_published(_POSES), 'gzserver has no world')
            advertised = {_FACTORY: Factory, _REQUEST: Request, _CONTROL: WorldControl}
            for topic, message_class in advertised.items():
                self._transport.advertise(topic, message_class)
            self._transport.subscribe(_POSES, PosesStamped, self._on_poses)
            self._transport.subscribe(_RESPONSE, Response, self._on_response)
            self._transport.subscribe(_CONTACTS, Contacts, self._on_contacts)
            self.wait_until(
                lambda: all(map(self._transport.has_subscriber, advertised)),
                'gzserver does not answer',
            )
            self._started = started.pop_all()

    def step(self, steps: int) -> int:
        """Let gzserver make this many time steps, take the poses at their end and return how many steps it made.

        gzserver can miss an order while it inserts a model; then it is told again. While it is busy it can leave poses
        out; then it is told to make one step more.
        """
        start_ns = self._time_ns
        end_ns = start_ns + steps * _TIMESTEP_NS
        deadline_s = time.monotonic() + TIMEOUT_S
        while self._pose_time_ns < end_ns:
            if time.monotonic() > deadline_s:
                raise GraspDecoderError(f'the clock of gzserver stands still (waited {TIMEOUT_S:g} s)')
            missing = max(1, (end_ns - self._time_ns) // _TIMESTEP_NS)
            self._transport.publish(_CONTROL, WorldControl(multi_step=missing))
            self._poll_until(self._time_ns + missing * _TIMESTEP_NS)
        return (self._time_ns - start_ns) // _TIMESTEP_NS

    def wait_until(self, condition: Callable[[], object], error: str) -> None:
        """Take messages until the condition holds. Raises `GraspDecoderError` with ``error`` after `TIMEOUT_S`."""
        deadline_s = time.monotonic() + TIMEOUT_S
        while not condition():
            self.server.check()
            if time.monotonic() > deadline_s:
                raise GraspDecoderError(f'{error} (waited {TIMEOUT_S:g} s)')
            self._transport.poll(_POLL_S)

    def insert_model(self, name: str, sdf: str) -> None:
        """Insert the model of an SDF document, whose name is ``name``, and step until it is there."""
        self._transport.publish(_FACTORY, Factory(sdf=sdf))
        deadline_s = time.monotonic() + TIMEOUT_S
        while name not in self._poses:
            if time.monotonic() > deadline_s:
                raise GraspDecoderError(f'Gazebo did not insert {name} (waited {TIMEOUT_S:g} s)')
            self._transport.poll(_INSERT_POLL_S)
            self.step(1)

    def delete_model(self, name: str) -> None:
        """Delete a model; what is inserted from now on comes after that."""
        request_id = next(self._request_ids)
        self._transport.publish(_REQUEST, Request(id=request_id, request='entity_delete', data=name))
        self.wait_until(lambda: self._answered_id == request_id, f'Gazebo did not delete {name}')
        self._poses.pop(name, None)
        self._contact_ns = {models: time_ns for models, time_ns in self._contact_ns.items() if name not in models}

    def transforms(self, at_rest: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Return where models are in the world, and links in their models.

        Args:
            at_rest: by name of a model or link (``MODEL::LINK``), the transform (4, 4) to return while Gazebo has
                sent no pose.

        Returns:
            Homogeneous transforms, float64 (4, 4), by name.
        """
        poses = {name: self._poses[name] for name in at_rest if name in self._poses}
        if not poses:
            return dict(at_rest)
        moved = from_quaternion(
            [(pose.position.x, pose.position.y, pose.position.z) for pose in poses.values()],
            [(turn.x, turn.y, turn.z, turn.w) for turn in (pose.orientation for pose in poses.values())],
        )
        return {**at_rest, **dict(zip(poses, moved))}

    def in_contact(self, model: str, other: str) -> bool:
        """Whether two models touch."""
        contact_ns = self._contact_ns.get(frozenset((model, other)))
        return contact_ns is not None and self._time_ns - contact_ns < _CONTACT_NS

    def close(self) -> None:
        """End gzserver."""
        self._started.close()

    def _connect(self) -> ClassicTransport:
        deadline_s = time.monotonic() + TIMEOUT_S
        while True:
            self.server.check()
            try:
                return ClassicTransport(self.server.port)
            except OSError as error:
                if time.monotonic() > deadline_s:
                    raise GraspDecoderError(f'gzserver did not come up within {TIMEOUT_S:g} s') from error
                time.sleep(_CONNECT_PERIOD_S)

    def _poll_until(self, time_ns: int) -> None:
        """Take messages until the world's clock has reached a time, for half a second at most."""
        deadline_s = time.monotonic() + _RESEND_S
        while self._time_ns < time_ns and time.monotonic() < deadline_s:
            self.server.check()
            self._transport.poll(_POLL_S)

    def _on_poses(self, message) -> None:
        self._time_ns = _nanoseconds(message.time)
        if message.pose:
            self._pose_time_ns = self._time_ns
        self._poses.update((pose.name, pose) for pose in message.pose)

    def _on_response(self, message) -> None:
        self._answered_id = message.id

    def _on_contacts(self, message) -> None:
        for contact in message.contact:
            models = frozenset(collision.split('::')[0] for collision in (contact.collision1, contact.collision2))
            self._contact_ns[models] = _nanoseconds(message.time)


def _nanoseconds(stamp) -> int:
    return stamp.sec * NS_PER_S + stamp.nsec

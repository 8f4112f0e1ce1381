"""The hand in Gazebo Classic 11: a gzserver of our own, headless, that steps when it is told to."""

from __future__ import annotations

import itertools
import time
from collections.abc import Mapping

import numpy as np

from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.hand.gazebo.classic_transport import ClassicTransport
from grasp_decoder.hand.gazebo.ignition_publisher import IgnitionPublisher
from grasp_decoder.hand.gazebo.messages import (
    Contacts,
    Factory,
    JointCmd,
    PosesStamped,
    Request,
    Response,
    WorldControl,
)
from grasp_decoder.hand.gazebo.server import TIMESTEP_S, WORLD_NAME, GazeboServer
from grasp_decoder.hand.joint_positions import HandKinematics, transform
from grasp_decoder.hand.object_models import grasp_object, object_sdf
from grasp_decoder.hand.sdf import hand_joint_names, hand_model, parse_model
from grasp_decoder.hand.state import SimulatorState
from grasp_decoder.types.time import NS_PER_S

_START_PATIENCE_S = 60.0
_PATIENCE_S = 10.0
_TOUCH_NS = 50_000_000  # without news of a contact until it counts as ended
_SPAWN_PERIOD_S = 0.02  # between two looks whether an object is there
_RESEND_S = 0.5  # of sending targets and orders again, so that none is lost for good
_STEP_NS = round(TIMESTEP_S * NS_PER_S)


class GazeboSimulator:
    """`HandSimulator` on a gzserver that it starts and ends.

    Gazebo's clock stands still but in `advance`: how fast the machine is does not change what happens in the physics.
    """

    def __init__(self, speed: float = 1.0):
        """Start gzserver, able to simulate ``speed`` seconds in one; ready when the hand can be commanded."""
        self._model = hand_model()
        self.joint_names = hand_joint_names()
        self._joints = {joint.name: joint for joint in self._model.joints}
        self._kinematics = HandKinematics(self._model)
        self._targets = dict.fromkeys(self.joint_names, 0.0)
        self._sent_s = 0.0
        self._poses: dict[str, np.ndarray] = {}
        self._now_ns = 0
        self._posed_ns = 0
        self._answered = 0
        self._behind_s = 0.0
        self._touched_ns = -NS_PER_S
        self._object = None
        self._object_id = -1
        self._spawned = itertools.count(1)
        self._object_name = ''
        self._rest_m = 0.0
        self._server = GazeboServer(speed)
        self._ignition = self._classic = None
        try:
            self._connect()
        except BaseException:
            self.close()
            raise

    @property
    def server_pid(self) -> int:
        """Process id of gzserver."""
        return self._server.pid

    def _connect(self) -> None:
        deadline = time.monotonic() + _START_PATIENCE_S
        while self._classic is None:
            self._server.check()
            try:
                self._classic = ClassicTransport(self._server.port)
            except OSError as error:
                if time.monotonic() > deadline:
                    raise GraspDecoderError(f'gzserver did not come up within {_START_PATIENCE_S:g} s') from error
                time.sleep(0.05)
        self._ignition = IgnitionPublisher(self._server.partition, '/hand/joint_cmd', 'ignition.msgs.JointCmd')
        world = f'/gazebo/{WORLD_NAME}'
        self._factory, self._request, self._control = f'{world}/factory', f'{world}/request', f'{world}/world_control'
        poses, contacts = f'{world}/pose/local/info', f'{world}/physics/contacts'
        # What is advertised before the world is up finds no one, and is not told later.
        self._wait(lambda: self._classic.is_published(poses), 'gzserver has no world', _START_PATIENCE_S)
        self._classic.advertise(self._factory, 'gazebo.msgs.Factory')
        self._classic.advertise(self._request, 'gazebo.msgs.Request')
        self._classic.advertise(self._control, 'gazebo.msgs.WorldControl')
        self._classic.subscribe(poses, 'gazebo.msgs.PosesStamped', self._on_poses)
        self._classic.subscribe(f'{world}/response', 'gazebo.msgs.Response', self._on_response)
        self._classic.subscribe(contacts, 'gazebo.msgs.Contacts', self._on_contacts)
        self._wait(self._ignition.new_subscribers, 'the hand in gzserver does not listen', _START_PATIENCE_S)
        self._wait(
            lambda: (
                self._classic.has_subscriber(self._factory)
                and self._classic.has_subscriber(self._request)
                and self._classic.has_subscriber(self._control)
            ),
            'gzserver does not answer',
            _START_PATIENCE_S,
        )
        self._step(1, _START_PATIENCE_S)

    def set_object(self, object_id: int) -> None:
        """Put this object at its place in reach."""
        number = next(self._spawned)
        if self._object_name:
            self._classic.publish(self._request, Request(id=number, request='entity_delete', data=self._object_name))
            # Deletions that have been answered come before what is spawned from now on.
            self._wait(lambda: self._answered == number, f'Gazebo did not delete {self._object_name}')
        thing = grasp_object(object_id)
        text = object_sdf(thing)
        before, self._object_name = self._object_name, f'{thing.name}_{number}'
        self._classic.publish(
            self._factory, Factory(sdf=text.replace(f'name="{thing.name}"', f'name="{self._object_name}"'))
        )
        deadline = time.monotonic() + _PATIENCE_S
        while self._object_name not in self._poses:
            if time.monotonic() > deadline:
                raise GraspDecoderError(f'Gazebo did not spawn {thing.name} (waited {_PATIENCE_S:g} s)')
            self._classic.poll(_SPAWN_PERIOD_S)
            self._step(1)
        self._poses.pop(before, None)
        self._object = parse_model(text, thing.name)
        self._object_id = object_id
        self._rest_m = (self._object.pose.matrix() @ self._centre_of_mass())[2]

    def _centre_of_mass(self) -> np.ndarray:
        return np.array([*self._object.links[0].centre_of_mass, 1.0])

    def command(self, targets: Mapping[str, float]) -> None:
        """Set joint targets."""
        changed = {}
        for name, target in targets.items():
            if name not in self._targets:
                raise GraspDecoderError(f"joint '{name}' is not one of hand.sdf's: {', '.join(self.joint_names)}")
            if target != self._targets[name]:
                changed[name] = self._targets[name] = float(target)
        self._send(changed)

    def _send(self, targets: Mapping[str, float], gains: bool = False) -> None:
        for name, target in targets.items():
            message = JointCmd(name=f'{self._model.name}::{name}')
            message.position.target_optional.data = target
            if gains:
                joint = self._joints[name]
                message.position.p_gain_optional.data = joint.stiffness
                message.position.i_gain_optional.data = 0.0
                message.position.d_gain_optional.data = 0.0
                message.position.limit_optional.data = joint.effort
            self._ignition.publish(message)

    def advance(self, dt_s: float) -> None:
        """Step; what is less than a time step is made up for later."""
        steps, self._behind_s = divmod(self._behind_s + dt_s, TIMESTEP_S)
        now_s = time.monotonic()
        if self._ignition.new_subscribers() or now_s - self._sent_s > _RESEND_S:
            self._sent_s = now_s
            self._send(self._targets, gains=True)
        if steps:
            self._step(int(steps))

    def _step(self, steps: int, patience_s: float = _PATIENCE_S) -> None:
        """Let gzserver make so many time steps, and hear where they led.

        It may miss the order while it spawns, and drops poses while it is busy: it is told again, or to make one more.
        """
        until_ns = self._now_ns + steps * _STEP_NS
        deadline = time.monotonic() + patience_s
        while self._posed_ns < until_ns:
            if time.monotonic() > deadline:
                raise GraspDecoderError(f'the clock of gzserver stands still (waited {patience_s:g} s)')
            missing = max(1, (until_ns - self._now_ns) // _STEP_NS)
            self._classic.publish(self._control, WorldControl(multi_step=missing))
            self._hear_until(self._now_ns + missing * _STEP_NS)

    def _hear_until(self, time_ns: int) -> None:
        again_s = time.monotonic() + _RESEND_S
        while self._now_ns < time_ns and time.monotonic() < again_s:
            self._server.check()
            self._classic.poll(0.005)

    def _wait(self, condition, otherwise: str, patience_s: float = _PATIENCE_S) -> None:
        deadline = time.monotonic() + patience_s
        while not condition():
            self._server.check()
            if time.monotonic() > deadline:
                raise GraspDecoderError(f'{otherwise} (waited {patience_s:g} s)')
            self._classic.poll(0.005)

    def _on_poses(self, payload: bytes) -> None:
        message = PosesStamped.FromString(payload)
        self._now_ns = message.time.sec * NS_PER_S + message.time.nsec
        if message.pose:
            self._posed_ns = self._now_ns
        for pose in message.pose:
            position, turn = pose.position, pose.orientation
            self._poses[pose.name] = transform((position.x, position.y, position.z), (turn.w, turn.x, turn.y, turn.z))

    def _on_response(self, payload: bytes) -> None:
        self._answered = Response.FromString(payload).id

    def _on_contacts(self, payload: bytes) -> None:
        message = Contacts.FromString(payload)
        for contact in message.contact:
            models = {contact.collision1.split('::')[0], contact.collision2.split('::')[0]}
            if models == {self._model.name, self._object_name}:
                self._touched_ns = message.time.sec * NS_PER_S + message.time.nsec

    def state(self) -> SimulatorState:
        """Say how things are now."""
        base = self._poses.get(self._model.name, self._model.pose.matrix())
        placed = {
            link.name: base @ self._poses.get(f'{self._model.name}::{link.name}', link.pose.matrix())
            for link in self._model.links
        }
        lift_m, object_pose = 0.0, np.eye(4)
        if self._object:
            object_pose = self._poses[self._object_name]
            lift_m = (object_pose @ self._centre_of_mass())[2] - self._rest_m
        return SimulatorState(
            joint_position=self._kinematics.joint_positions(placed),
            object_id=self._object_id,
            contact=self._now_ns - self._touched_ns < _TOUCH_NS,
            lift_m=float(lift_m),
            object_pose=object_pose,
        )

    def close(self) -> None:
        """End gzserver."""
        for part in (self._ignition, self._classic, self._server):
            if part is not None:
                part.close()

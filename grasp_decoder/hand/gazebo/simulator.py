"""The hand in Gazebo Classic 11: a gzserver of our own, headless, in real time."""

from __future__ import annotations

from collections.abc import Mapping
import itertools
import time

import numpy as np

from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.hand.gazebo.classic_transport import ClassicTransport
from grasp_decoder.hand.gazebo.ignition_publisher import IgnitionPublisher
from grasp_decoder.hand.gazebo.messages import message_class
from grasp_decoder.hand.gazebo.server import WORLD_NAME, GazeboServer
from grasp_decoder.hand.kinematics import HandKinematics, transform
from grasp_decoder.hand.objects import grasp_object, object_sdf
from grasp_decoder.hand.sdf import hand_joint_names, hand_model, parse_model
from grasp_decoder.hand.simulator import SimulatedHand

_START_PATIENCE_S = 60.0
_PATIENCE_S = 10.0
_TOUCH_S = 0.05  # without news of a contact until it counts as ended
_DELETION_S = 0.05  # until an object is gone: one that is spawned into it is kicked away
_RESEND_S = 0.5  # of sending all targets again, so that none is lost for good

Contacts = message_class('gazebo.msgs.Contacts')
Factory = message_class('gazebo.msgs.Factory')
PosesStamped = message_class('gazebo.msgs.PosesStamped')
Request = message_class('gazebo.msgs.Request')
JointCmd = message_class('ignition.msgs.JointCmd')


class GazeboSimulator:
    """`HandSimulator` on a gzserver that it starts and ends.

    Gazebo's clock runs by itself; `advance` waits until it has gone on by as much as was asked for.
    """

    def __init__(self, speed: float = 1.0):
        """Start gzserver, ``speed`` seconds of simulation in one second; ready when the hand can be commanded."""
        self._model = hand_model()
        self.joint_names = hand_joint_names()
        self._joints = {joint.name: joint for joint in self._model.joints}
        self._kinematics = HandKinematics(self._model)
        self._targets = dict.fromkeys(self.joint_names, 0.0)
        self._sent_s = 0.0
        self._poses: dict[str, np.ndarray] = {}
        self._now_s = 0.0
        self._touched_s = float('-inf')
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
        self._factory, self._request = f'{world}/factory', f'{world}/request'
        poses, contacts = f'{world}/pose/local/info', f'{world}/physics/contacts'
        # What is advertised before the world is up finds no one, and is not told later.
        self._wait(lambda: self._classic.is_published(poses), 'gzserver has no world', _START_PATIENCE_S)
        self._classic.advertise(self._factory, 'gazebo.msgs.Factory')
        self._classic.advertise(self._request, 'gazebo.msgs.Request')
        self._classic.subscribe(poses, 'gazebo.msgs.PosesStamped', self._on_poses)
        self._classic.subscribe(contacts, 'gazebo.msgs.Contacts', self._on_contacts)
        self._wait(self._ignition.new_subscribers, 'the hand in gzserver does not listen', _START_PATIENCE_S)
        self._wait(
            lambda: self._classic.has_subscriber(self._factory) and self._classic.has_subscriber(self._request)
            and self._now_s > 0,
            'gzserver does not answer', _START_PATIENCE_S,
        )

    def set_object(self, object_id: int) -> None:
        """Put this object at its place in reach."""
        if self._object_name:
            self._classic.publish(self._request, Request(id=1, request='entity_delete', data=self._object_name))
            self.advance(_DELETION_S)
        thing = grasp_object(object_id)
        text = object_sdf(thing)
        before, self._object_name = self._object_name, f'{thing.name}_{next(self._spawned)}'
        self._classic.publish(
            self._factory, Factory(sdf=text.replace(f'name="{thing.name}"', f'name="{self._object_name}"'))
        )
        self._wait(lambda: self._object_name in self._poses, f'Gazebo did not spawn {thing.name}')
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
        """Wait until Gazebo's clock has gone on by ``dt_s`` since the last time."""
        until_s = self._now_s + dt_s
        now_s = time.monotonic()
        if self._ignition.new_subscribers() or now_s - self._sent_s > _RESEND_S:
            self._sent_s = now_s
            self._send(self._targets, gains=True)
        self._wait(lambda: self._now_s >= until_s, 'the clock of gzserver stands still')

    def _wait(self, condition, otherwise: str, patience_s: float = _PATIENCE_S) -> None:
        deadline = time.monotonic() + patience_s
        while not condition():
            self._server.check()
            if time.monotonic() > deadline:
                raise GraspDecoderError(f'{otherwise} (waited {patience_s:g} s)')
            self._classic.poll(0.005)

    def _on_poses(self, payload: bytes) -> None:
        message = PosesStamped.FromString(payload)
        self._now_s = message.time.sec + message.time.nsec * 1e-9
        for pose in message.pose:
            position, turn = pose.position, pose.orientation
            self._poses[pose.name] = transform(
                (position.x, position.y, position.z), (turn.w, turn.x, turn.y, turn.z)
            )

    def _on_contacts(self, payload: bytes) -> None:
        message = Contacts.FromString(payload)
        for contact in message.contact:
            models = {contact.collision1.split('::')[0], contact.collision2.split('::')[0]}
            if models == {self._model.name, self._object_name}:
                self._touched_s = message.time.sec + message.time.nsec * 1e-9

    def state(self) -> SimulatedHand:
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
        return SimulatedHand(
            joint_position=self._kinematics.joint_positions(placed),
            object_id=self._object_id,
            contact=self._now_s - self._touched_s < _TOUCH_S,
            lift_m=float(lift_m),
            object_pose=object_pose,
        )

    def close(self) -> None:
        """End gzserver."""
        for part in (self._ignition, self._classic, self._server):
            if part is not None:
                part.close()

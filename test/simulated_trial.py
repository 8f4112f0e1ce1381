"""Plays hand_bridge for one trial on the test's node, and checks what simulated_hand does."""

import time

from sensor_msgs.msg import JointState

from grasp_decoder import msg
from grasp_decoder.control.grip_table import load_grip_table
from grasp_decoder.control.hand_command import HandCommand, HandMode
from grasp_decoder.control.joint_targets import JointTargets
from grasp_decoder.nodes import topics
from grasp_decoder.nodes.messages import stamp

BIN_S = 0.04


class SimulatedTrial:
    """Commands a hand every bin and keeps its states."""

    def __init__(self, node, spin_until, object_id):
        self._node, self._spin_until, self._object_id = node, spin_until, object_id
        self._grips = load_grip_table()
        self._targets = JointTargets(self._grips)
        self._events = node.create_publisher(msg.TrialEvent, *topics.TRIAL_EVENTS)
        self._commands = node.create_publisher(msg.HandCommand, *topics.HAND_COMMAND)
        self._joint_targets = node.create_publisher(JointState, *topics.JOINT_TARGETS)
        self.states = []
        node.create_subscription(msg.HandState, topics.HAND_STATE[0], self.states.append, topics.HAND_STATE[1])
        publishers = self._events, self._commands, self._joint_targets
        assert spin_until(lambda: all(publisher.get_subscription_count() for publisher in publishers), 120.0)
        assert spin_until(lambda: self.states, 120.0)

    def command(self, mode, aperture, duration_s):
        """Hold a command for some time; give the states of this time."""
        before = len(self.states)
        end = time.monotonic() + duration_s
        while time.monotonic() < end:
            now_ns = time.monotonic_ns()
            grip = self._grips.grip_of(self._object_id)
            command = HandCommand(now_ns, now_ns, mode, grip, aperture, 'test')
            header_stamp = stamp(now_ns)
            message = msg.HandCommand(due_ns=now_ns, state=int(mode), grip=grip, aperture=aperture)
            targets = JointState(name=self._targets.names, position=self._targets.step(command, now_ns))
            message.header.stamp = targets.header.stamp = header_stamp
            self._commands.publish(message)
            self._joint_targets.publish(targets)
            self._spin_until(lambda: False, BIN_S)
        return self.states[before:]

    def check(self):
        """Run a whole trial: the hand moves soon, the object is lifted for a second and comes down again."""
        self.command(HandMode.OPEN, 0.0, 0.6)
        self._events.publish(msg.TrialEvent(trial=7, segment=3, label='Start', object_id=self._object_id))
        assert self._spin_until(lambda: self.states[-1].object_id == self._object_id)
        self.command(HandMode.PRESHAPE, 0.25, 0.4)
        closing = self.command(HandMode.CLOSE, 1.0, 0.4)
        held = self.command(HandMode.HOLD, 1.0, 1.4)[-100:]
        released = self.command(HandMode.OPEN, 0.0, 1.2)
        assert any(state.contact for state in closing)
        assert min(state.lift for state in held) >= 0.05
        assert (held[-1].monotonic_ns - held[0].monotonic_ns) * 1e-9 >= 0.9
        assert released[-1].lift < 0.05
        assert closing[-1].command_due_ns > 0

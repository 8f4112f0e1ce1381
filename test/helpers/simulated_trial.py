# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Plays hand_bridge for one trial on the test's node, and checks what simulated_hand does in its own time."""

from grasp_decoder.control.grip_table import load_grip_table
from grasp_decoder.control.held import LIFTED_M
from grasp_decoder.control.joint_targets import JointTargets
from grasp_decoder.nodes.conversion import hand_command_message, joint_state_message, trial_event_message
from grasp_decoder.nodes.topics import advertise, subscribe
from grasp_decoder.system.interfaces import HAND_COMMAND, HAND_STATE, JOINT_TARGETS, TRIAL_EVENTS, WORLD_CLOCK
from grasp_decoder.types.from_message import hand_state_from, stamp_ns
from grasp_decoder.types.hand_command import HandCommand, HandMode
from grasp_decoder.types.time import NS_PER_S
from grasp_decoder.types.trial_event import TrialEvent

IN_STEP = '-p', 'clock:=simulated', '-p', 'speed:=0.0'
"""Parameters of a simulated_hand that waits for the answers of a `SimulatedTrial`."""
MOMENTS = 500
"""So many moments of simulated time may pass until a joint has moved."""


class SimulatedTrial:
    """Answers each moment of the hand's simulated time with a command, and keeps its states.

    How busy the machine is changes nothing of what happens.

    Attributes:
        states: those of the hand.
        now_ns: the present moment of the world.
    """

    def __init__(self, node, spin_until, object_id):
        self._node, self._spin_until, self._object_id = node, spin_until, object_id
        self._grips = load_grip_table()
        self._targets = JointTargets(self._grips)
        self._events = advertise(node, TRIAL_EVENTS)
        self._commands = advertise(node, HAND_COMMAND)
        self._joint_targets = advertise(node, JOINT_TARGETS)
        self.states = []
        self.now_ns = 0
        subscribe(node, HAND_STATE, self._keep)
        subscribe(node, WORLD_CLOCK, self._take_time)
        publishers = self._events, self._commands, self._joint_targets
        assert spin_until(lambda: all(publisher.get_subscription_count() for publisher in publishers), 120.0)
        assert spin_until(lambda: self.states and self.now_ns, 120.0)

    def answer(self, names, angles):
        """Answer the present moment with joint targets, and wait for the next one."""
        now_ns = self.now_ns
        self._joint_targets.publish(joint_state_message(names, angles, now_ns))
        assert self._spin_until(lambda: self.now_ns > now_ns), 'the world stands still'

    def command(self, mode, aperture, until, patience_s=30.0):
        """Answer with a command until a condition holds; say whether it came to hold within so much simulated time."""
        last_ns = self.now_ns + patience_s * NS_PER_S
        while self.now_ns < last_ns:
            grip = self._grips.grip_of(self._object_id)
            command = HandCommand(self.now_ns, self.now_ns, mode, grip, aperture, 'test')
            self._commands.publish(hand_command_message(command))
            self.answer(self._targets.names, self._targets.step(command, self.now_ns))
            if until():
                return True
        return False

    def check(self):
        """Run a whole trial: the object is touched, lifted, kept up for a second, and comes down again."""
        assert self.command(HandMode.OPEN, 0.0, lambda: self._joint('thumb_opposition') > 1.0)
        self._events.publish(trial_event_message(TrialEvent(0, 7, 3, 'Start', self._object_id), 'test'))
        assert self.command(HandMode.OPEN, 0.0, lambda: self.states[-1].object_id == self._object_id)
        self.command(HandMode.PRESHAPE, 0.25, lambda: False, 0.5)
        assert self.command(HandMode.CLOSE, 1.0, lambda: self.states[-1].contact)
        self.command(HandMode.CLOSE, 1.0, lambda: False, 0.5)
        assert self.command(HandMode.HOLD, 1.0, self._kept_for_a_second)
        assert self.states[-1].command_due_ns > 0
        assert self.command(HandMode.OPEN, 0.0, lambda: self.states[-1].lift < LIFTED_M)

    def delays_ns(self, joint, angle, count, moved=0.01):
        """Send a joint to ``angle`` (rad) and back ``count`` times: simulated time from each target to its motion."""
        delays = []
        for number in range(count):
            before, sent_ns, first = self._joint(joint), self.now_ns, len(self.states)
            for _ in range(MOMENTS):
                self.answer([joint], [angle * (number % 2 == 0)])
                if abs(self._joint(joint) - before) > 0.5 * angle:
                    break
            delays.append(
                next(
                    state.monotonic_ns - sent_ns
                    for state in self.states[first:]
                    if abs(state.joint_position[state.joint_name.index(joint)] - before) > moved
                )
            )
        return delays

    def rest(self, until):
        """Keep the hand open until a condition holds that is not of its world."""
        assert self._spin_until(lambda: self.command(HandMode.OPEN, 0.0, lambda: True) and until())

    def _take_time(self, message):
        self.now_ns = max(self.now_ns, stamp_ns(message.clock))

    def _keep(self, message):
        self.states.append(hand_state_from(message))

    def _joint(self, name):
        state = self.states[-1]
        return state.joint_position[state.joint_name.index(name)]

    def _kept_for_a_second(self):
        low = [state.monotonic_ns for state in self.states if state.lift < LIFTED_M]
        return self.states[-1].monotonic_ns - low[-1] >= NS_PER_S

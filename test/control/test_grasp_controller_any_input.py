# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""The grasp controller: whatever comes in, nothing makes it unsafe."""

import math

import numpy as np
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from grasp_decoder.control.joint_targets import JointTargets
from grasp_decoder.types.hand_command import HandMode

from helpers.healthy_decodes import BIN_S, GRIPS, LOOK_BACK, NAN, OBJECTS, Decoder

JOINTS = [(motor, ratio) for motor in GRIPS.motors for ratio in motor.joints.values()]
PROBABILITY = st.one_of(st.floats(0.0, 1.0), st.sampled_from([0.0, 0.02, 0.98, 1.0]))
BAD = st.sampled_from([NAN, math.inf, -math.inf, -1.0, 2.0])


class AnyInput(RuleBasedStateMachine):
    """From any sequence of inputs: limits hold, faults are SAFE, the e-stop latches."""

    @initialize(safe_state=st.sampled_from(['by_fault', 'open', 'hold']), proportional=st.booleans())
    def start(self, safe_state, proportional):
        self.proportional = proportional
        self.hand = Decoder(safe_state=safe_state, proportional=proportional)
        self.joints = JointTargets(GRIPS)
        self.e_stopped = False
        self.lost = 0
        self.command = None
        self.moved_ns = None
        self.angles = self.joint_velocity = None
        self.velocity = 0.0

    def issue(self, command, now_ns):
        """Check that ``command`` follows from the one before within every limit."""
        settings = self.hand.settings
        angles = self.joints.step(command, now_ns)
        assert 0.0 <= command.aperture <= 1.0
        assert command.grip in GRIPS.postures
        assert command.reason
        for (motor, ratio), angle in zip(JOINTS, angles):
            assert motor.low * ratio - 1e-9 <= angle <= motor.high * ratio + 1e-9
        if self.command is not None and now_ns > self.moved_ns:
            dt_s = (now_ns - self.moved_ns) / 1e9
            velocity = (command.aperture - self.command.aperture) / dt_s
            assert abs(velocity) <= settings.max_aperture_velocity + 1e-6
            assert abs(velocity) <= abs(self.velocity) + settings.max_aperture_acceleration * dt_s + 1e-6
            joint_velocity = (angles - self.angles) / dt_s
            before = self.joint_velocity if self.joint_velocity is not None else np.zeros(len(angles))
            for (motor, ratio), v, v_before in zip(JOINTS, joint_velocity, before):
                assert abs(v) <= motor.max_velocity * ratio + 1e-6
                assert abs(v) <= abs(v_before) + motor.max_acceleration * ratio * dt_s + 1e-6
            self.velocity, self.joint_velocity = velocity, joint_velocity
        if command.state == HandMode.SAFE and self.command is not None:
            assert command.aperture <= self.command.aperture
        if self.e_stopped:
            assert (command.state, command.reason) == (HandMode.SAFE, 'e-stop')
        self.command, self.angles, self.moved_ns = command, angles, now_ns

    def decode(self, **changes):
        decoded = self.hand.decode(lost_batches=self.lost, **changes)
        self.issue(self.hand.controller.step(decoded, self.hand.now_ns), self.hand.now_ns)

    @rule(
        grasp=PROBABILITY,
        object_id=st.sampled_from(OBJECTS),
        confidence=st.floats(0.05, 1.0),
        aperture=st.floats(0.0, 1.0),
        count=st.integers(1, 12),
    )
    def healthy(self, grasp, object_id, confidence, aperture, count):
        for _ in range(count):
            self.decode(grasp=grasp, object_id=object_id, confidence=confidence, aperture=aperture)

    @rule(field=st.sampled_from(['phase_probability', 'confidence']), value=BAD)
    def bad_value(self, field, value):
        self.decode(aperture=0.5, **{field: value})
        assert self.command.state == HandMode.SAFE

    @rule(value=BAD)
    @precondition(lambda self: self.proportional)
    def bad_aperture(self, value):
        self.decode(aperture=value)
        assert self.command.state == HandMode.SAFE

    @rule(value=BAD, position=st.integers(0, len(OBJECTS) - 1))
    def bad_probability(self, value, position):
        probability = np.full(len(OBJECTS), 0.25, np.float32)
        probability[position] = value
        self.decode(aperture=0.5, object_probability=probability)
        assert self.command.state == HandMode.SAFE

    @rule(back_ns=st.integers(0, 10**11))
    def clock_back(self, back_ns):
        if self.command is not None:
            self.decode(aperture=0.5, stamp_ns=self.command.stamp_ns - back_ns)
            assert self.command.state == HandMode.SAFE

    @rule(count=st.integers(1, 1000))
    def loss(self, count):
        first = self.command is None
        self.lost += count
        self.decode(aperture=0.5)
        assert first or self.command.state == HandMode.SAFE

    @rule(ms=st.integers(1, 2000))
    def silence(self, ms):
        self.hand.now_ns += ms * 1_000_000
        command = self.hand.controller.watchdog(self.hand.now_ns)
        if command is not None:
            assert command.state == HandMode.SAFE
            self.issue(command, self.hand.now_ns)
        else:
            assert ms <= 150

    @rule()
    def e_stop(self):
        self.e_stopped = True
        self.issue(self.hand.controller.e_stop(self.hand.now_ns), self.hand.now_ns)

    @rule()
    def reset(self):
        self.e_stopped = False
        self.hand.controller.e_stop_let_go()
        self.hand.controller.reset()

    @rule()
    def swap_decoder(self):
        self.hand.controller.configure(OBJECTS, BIN_S, LOOK_BACK)


TestAnyInput = AnyInput.TestCase
TestAnyInput.settings = hypothesis_settings(max_examples=60, stateful_step_count=40)

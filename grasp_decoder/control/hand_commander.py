# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""HandCommander: everything between a decode and the joints of a hand, as plain Python."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from grasp_decoder.control.fault_policies import Fault, FaultKind, FaultPolicies
from grasp_decoder.control.faults import SourceClock
from grasp_decoder.control.grasp_controller import GraspController
from grasp_decoder.control.grasp_log import GraspLog
from grasp_decoder.control.grasp_state_machine import UNSEEN, Seen
from grasp_decoder.control.grip_table import GripTable
from grasp_decoder.control.hand_watch import FeedbackSettings, HandWatch
from grasp_decoder.control.joint_targets import Angles, JointTargets
from grasp_decoder.control.settings import ControlSettings
from grasp_decoder.control.target_guard import TARGET_TIMEOUT_S
from grasp_decoder.evidence import EvidenceRule
from grasp_decoder.types.decoded_grasp import DecodedGrasp
from grasp_decoder.types.decoder_info import DecoderInfo
from grasp_decoder.types.hand_command import HandCommand, HandMode
from grasp_decoder.types.time import NS_PER_S

OBJECT_TASK = 'object'

REMEMBERED_COMMANDS = 500
OTHER_BRIDGE_NS = NS_PER_S
"""Another bridge counts as gone when nothing was heard of it for so long."""
OF_THE_TIMEOUT = 0.9
"""After this part of the hand's time-out without an order the hand may have gone to its safe state by itself."""
STEP_NS = 20_000_000


@dataclass(frozen=True)
class Order:
    """What the hand is told.

    Attributes:
        command: the command, not published yet.
        announced: whether the command is news: it answers a decode, or its state has changed.
        angles: joint targets (n_joints,) in rad.
        aperture: the aperture that the hand is on its way to, 0 open .. 1 closed.
    """

    command: HandCommand
    announced: bool
    angles: Angles
    aperture: float

    @property
    def safe(self) -> bool:
        """Whether the hand goes to its safe state."""
        return self.command.state == HandMode.SAFE


class HandCommander:
    """Turns decodes into orders, and goes to the safe state whenever something is wrong.

    Every method takes the CLOCK_MONOTONIC of the call, ``now_ns``. It is not thread-safe.

    Attributes:
        grasps: how the grasps went.
    """

    def __init__(
        self,
        settings: ControlSettings,
        feedback: FeedbackSettings,
        grips: GripTable,
        policies: FaultPolicies,
        e_stop_heartbeat_s: float = 0.0,
        target_timeout_s: float = TARGET_TIMEOUT_S,
    ):
        """Start in the safe state.

        Args:
            e_stop_heartbeat_s: the e-stop must be heard of this often; 0: it need not be there.
            target_timeout_s: without targets for so long the hand goes to its safe state by itself.
        """
        self._controller = GraspController(settings, grips, policies)
        self._joints = JointTargets(grips)
        self._watch = HandWatch(feedback, self._joints.names)
        self._heartbeat_ns = e_stop_heartbeat_s * NS_PER_S
        self._e_stop_heard_ns: int | None = None
        self._decoder_sha256 = ''
        self._started_from_measured = False
        self._own_commands: deque[int] = deque(maxlen=REMEMBERED_COMMANDS)
        self._other_heard_ns: int | None = None
        self._last: Order | None = None
        self._own_silence_ns = OF_THE_TIMEOUT * target_timeout_s * NS_PER_S
        self._called_ns: int | None = None
        self.grasps = GraspLog(settings.hold_dwell_s)

    @property
    def joint_names(self) -> tuple[str, ...]:
        """Joints, in the order of every array of angles."""
        return self._joints.names

    @property
    def bin_ns(self) -> int:
        """Length of the decoder's bins; 0 while no decoder is accepted."""
        return self._controller.bin_ns

    @property
    def e_stopped(self) -> bool:
        """Whether the e-stop was pressed and not reset since."""
        return self._controller.e_stopped

    def new_decoder(self, info: DecoderInfo) -> bool:
        """A decoder said what it decodes; false when that is no news."""
        if info.bundle_sha256 == self._decoder_sha256:
            return False
        self._decoder_sha256 = info.bundle_sha256
        knows_objects = OBJECT_TASK in info.tasks
        evidence = EvidenceRule(info.object_prior, info.object_gain, info.object_memory_s, info.object_dead_band)
        self._controller.configure(
            info.object_id if knows_objects else (),
            info.bin_s,
            info.look_back,
            info.bundle_sha256,
            evidence if knows_objects else None,
            info.object_label,
        )
        return True

    def decoded(self, decoded: DecodedGrasp, now_ns: int) -> Order:
        """The order for a decode."""
        self._notice_standstill(now_ns)
        seen = self._watch.seen(self._last.angles) if self._last is not None else UNSEEN
        order = self._order(self._controller.step(decoded, now_ns, seen), now_ns, announced=True)
        self.grasps.take(order.command, seen)
        return order

    def tick(self, now_ns: int, source: Callable[[], SourceClock | None] = lambda: None) -> Order:
        """The order between decodes: the motion goes on, and silence of any kind is noticed.

        Args:
            source: gives the latest batch of spikes when asked.
        """
        self._notice_standstill(now_ns)
        fault = self._hand_fault(now_ns) or self._e_stop_silence(now_ns) or self._other_bridge(now_ns)
        if fault is not None:
            return self._order(self._controller.fail_until_cleared(fault, now_ns), now_ns)
        command = self._controller.watchdog(now_ns, source)
        return self._order(command if command is not None else self._controller.go_on(now_ns), now_ns)

    def go_on(self, now_ns: int) -> Order:
        """The order between decodes, without any watch: the motion goes on, and nothing is decided."""
        return self._order(self._controller.go_on(now_ns), now_ns)

    def measured(self, names: Sequence[str], positions: Sequence[float], now_ns: int, seen: Seen = UNSEEN) -> None:
        """The hand said where its joints are, in rad, and what it has ``seen`` of the object.

        Joints that are not known here are ignored.
        """
        self._watch.take(names, positions, now_ns, seen)
        if not self._started_from_measured and self._watch.measured is not None and self._last is None:
            self._joints.start_from(self._watch.measured)
            self._started_from_measured = True

    def published(self, published_ns: int) -> None:
        """A command of this one was published at this CLOCK_MONOTONIC."""
        self._own_commands.append(published_ns)

    def commands_heard(self, published_ns: Iterable[int], now_ns: int) -> None:
        """Commands that came over the topic of commands, by when they were published: all must be of this one."""
        own = set(self._own_commands)
        if any(each not in own for each in published_ns):
            self._other_heard_ns = now_ns

    def e_stop_heard(self, now_ns: int) -> None:
        """The e-stop is there, pressed or not."""
        self._e_stop_heard_ns = now_ns

    def e_stop(self, pressed: bool, now_ns: int) -> Order | None:
        """The e-stop is pressed, or let go."""
        if pressed:
            return self._order(self._controller.e_stop(now_ns), now_ns, announced=True)
        self._controller.e_stop_let_go()
        return None

    def reset(self) -> None:
        """Release the e-stop.

        Raises:
            GraspDecoderError: it is still pressed.
        """
        self._controller.reset()

    def failed(self, fault: Fault, now_ns: int) -> Order:
        """Something else went wrong: the safe state, left again as after any other fault."""
        return self._order(self._controller.fail(fault, now_ns), now_ns, announced=True)

    def ended(self, now_ns: int) -> Order:
        """The last order of all."""
        return self.failed(Fault(FaultKind.ENDING, 'hand_bridge has ended'), now_ns)

    def _notice_standstill(self, now_ns: int) -> None:
        """After a standstill of this process: SAFE, from where a hand would be that went there when it began."""
        before_ns, self._called_ns = self._called_ns, now_ns
        if before_ns is None or now_ns - before_ns <= self._own_silence_ns:
            return
        reason = f'hand_bridge stood still for {(now_ns - before_ns) / NS_PER_S:.2f} s'
        self._watch.stood_still(now_ns - before_ns)
        self._controller.fail(Fault(FaultKind.INTERNAL, reason), before_ns)
        for at_ns in range(max(before_ns, now_ns - NS_PER_S), now_ns, STEP_NS):
            self._joints.step(self._controller.go_on(at_ns), at_ns)

    def _hand_fault(self, now_ns: int) -> Fault | None:
        if self._last is None:
            return None
        fault = self._watch.fault(self._last.angles, now_ns)
        if fault is None:
            self._controller.clear(FaultKind.HAND)
        return fault

    def _e_stop_silence(self, now_ns: int) -> Fault | None:
        if not self._heartbeat_ns:
            return None
        if self._e_stop_heard_ns is None or now_ns - self._e_stop_heard_ns > self._heartbeat_ns:
            return Fault(FaultKind.E_STOP, 'the e-stop is not heard of')
        self._controller.clear(FaultKind.E_STOP)
        return None

    def _other_bridge(self, now_ns: int) -> Fault | None:
        if self._other_heard_ns is not None and now_ns - self._other_heard_ns <= OTHER_BRIDGE_NS:
            return Fault(FaultKind.SECOND_PUBLISHER, 'another hand_bridge commands the hand: stop all but one')
        self._controller.clear(FaultKind.SECOND_PUBLISHER)
        return None

    def _order(self, command: HandCommand, now_ns: int, announced: bool = False) -> Order:
        news = self._last is None or (self._last.command.state, self._last.command.reason) != (
            command.state,
            command.reason,
        )
        angles = self._joints.step(command, now_ns, self._watch.measured)
        self._last = Order(command, announced or news, angles, self._controller.target_aperture())
        return self._last

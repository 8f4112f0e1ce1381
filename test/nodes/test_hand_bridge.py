# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""hand_bridge as a process: SAFE within 200 ms of any fault, and what it sends to hands."""

import dataclasses
import json
import os
import signal
from pathlib import Path

import numpy as np
import pytest
import yaml

from grasp_decoder.control.grip_table import load_grip_table
from grasp_decoder.control.joint_targets import JointTargets
from grasp_decoder.share import state_directory
from grasp_decoder.system.audit_log import AuditLog
from grasp_decoder.system.processes import NodeProcess, end_processes

pytest.importorskip('rclpy', reason='no ROS 2 in this environment')
pytest.importorskip('grasp_decoder.msg', reason='the messages are not built: ./run builds them')

from diagnostic_msgs.msg import DiagnosticStatus
from std_msgs.msg import Bool, Float64MultiArray
from std_srvs.srv import Trigger
from trajectory_msgs.msg import JointTrajectory

from grasp_decoder import msg
from grasp_decoder.nodes.conversion import hand_command_message, hand_state_message
from grasp_decoder.nodes.topics import advertise, client, subscribe
from grasp_decoder.system.interfaces import (
    DECODED_GRASP,
    DECODER_INFO,
    DIAGNOSTICS,
    E_STOP,
    HAND_COMMAND,
    HAND_STATE,
    JOINT_TARGETS,
    LATCHED_E_STOP,
    PAGE_E_STOP,
    RESET,
    SPIKES,
)
from grasp_decoder.types.hand_state import HandState

from helpers.bridge_feeder import BIN_NS, CLOSE, HOLD, OPEN, PATIENT, PRESHAPE, SAFE

pytestmark = pytest.mark.slow

FAULTS = {
    'decoder stopped': {'decoder_runs': False},
    'spikes stopped': {'decoder_runs': False, 'source_runs': False},
    'phase probability is nan': {'change': {'phase_probability': float('nan')}},
    'object probabilities': {'change': {'object_probability': np.full(4, np.nan, np.float32)}},
    'unknown object 99': {'change': {'object_id': 99}},
    'no confidence': {'change': {'confidence': 0.0}},
    'clock went back': {'change': {'offset_ns': -10 * 10**9}},
}


# What the hand holds is kept in these, and held again.
KEPT = ('decoder stopped', 'spikes stopped', 'clock went back')


@pytest.mark.parametrize('reason', FAULTS)
def test_every_fault_is_safe_and_is_recovered_from(feeder, reason):
    """How soon it is safe depends on the machine: ``./run bench faults`` measures that."""
    feeder = feeder(*PATIENT)
    feeder.hold()
    for name, value in FAULTS[reason].items():
        setattr(feeder, name, value)
    feeder.reach(SAFE)
    first = max(i for i, command in enumerate(feeder.commands) if command.state != SAFE) + 1
    assert feeder.commands[first].reason.startswith(reason)
    # grasp goes on being decoded: the hand does not close out of SAFE
    feeder.decoder_runs = feeder.source_runs = True
    feeder.change = {}
    fresh = len(feeder.commands)
    assert feeder.spin_until(lambda: len(feeder.commands) >= fresh + 15)
    kept = reason in KEPT
    assert {c.state for c in feeder.commands[fresh:]} <= ({SAFE, HOLD} if kept else {SAFE})
    feeder.grasp = 0.01
    feeder.reach(OPEN)


def test_a_gap_between_trials_is_no_fault_but_a_pause_is(feeder):
    feeder = feeder(*PATIENT)
    feeder.hold()
    feeder.paused = True
    began_ns = feeder.decoded_ns
    feeder.reach(SAFE)
    first = next(c for c in feeder.commands if c.published_ns > began_ns and c.state == SAFE)
    assert first.reason == 'paused'
    assert first.published_ns - began_ns >= 750_000_000


def test_the_e_stop_latches_until_the_service_resets_it(feeder):
    audit_log = AuditLog('').path
    audit_log.mkdir(parents=True)  # so it cannot be written, which must not matter to the hand
    feeder = feeder(*PATIENT)
    feeder.hold()
    feeder.e_stop.publish(Bool(data=True))
    feeder.reach(SAFE)
    assert feeder.spin_until(lambda: f'audit log: {audit_log} cannot be written' in feeder.bridge.log_text())
    audit_log.rmdir()
    feeder.grasp = 0.01
    feeder.e_stop.publish(Bool(data=False))
    stopped = len(feeder.commands)
    assert feeder.spin_until(lambda: len(feeder.commands) > stopped + 25)
    assert {(c.state, c.reason) for c in feeder.commands[stopped:]} == {(SAFE, 'e-stop')}
    answer = feeder.reset.call_async(Trigger.Request())
    assert feeder.spin_until(answer.done)
    assert answer.result().success
    feeder.reach(OPEN)
    feeder.e_stop.publish(Bool(data=True))
    feeder.reach(SAFE)
    assert feeder.spin_until(lambda: audit_log.read_text().count('\n') == 2)
    lines = [json.loads(line) for line in audit_log.read_text().splitlines()]
    assert [(line['node'], line['what']) for line in lines] == [('/hand_bridge', 'reset'), ('/hand_bridge', 'e-stop')]
    assert all(line['asked_by'] == ['/test'] for line in lines)


@pytest.fixture
def reset_says(node, spin_until):
    """``reset_says(text)``: does the reset, sooner or later? What was published may come after the call of it.

    ``first`` is called before each try: what is published before the bridge hears it is lost.
    """
    reset = client(node, RESET)

    def reset_says(text, first=lambda: None):
        assert spin_until(reset.service_is_ready)

        def says():
            first()
            answer = reset.call_async(Trigger.Request())
            assert spin_until(answer.done)
            return text in answer.result().message

        return spin_until(says)

    return reset_says


@pytest.mark.parametrize('topic', [E_STOP, PAGE_E_STOP], ids=['switch', 'page'])
def test_no_switch_lets_go_of_another_one_of_the_same_topic(node, spin_until, start_node, reset_says, topic):
    start_node('hand_bridge')
    pressed, other = advertise(node, topic), advertise(node, topic)
    assert spin_until(lambda: pressed.get_subscription_count() and other.get_subscription_count())
    assert reset_says('which 2 nodes publish', first=lambda: pressed.publish(Bool(data=True)))
    for _ in range(3):
        other.publish(Bool(data=False))
        assert reset_says(f'(false on /{topic.name}, which 2 nodes publish: end all but one of them first)')
    node.destroy_publisher(pressed)
    assert reset_says(f'(false on /{topic.name})')
    other.publish(Bool(data=False))
    assert reset_says('e-stop released')


def test_the_page_does_not_speak_for_a_switch_that_must_be_heard_of(node, spin_until, start_node, reset_says):
    start_node('hand_bridge', '--ros-args', '-p', 'e_stop_heartbeat_s:=60.0')
    reasons = []
    subscribe(node, HAND_COMMAND, lambda command: reasons.append(command.reason))
    switch, page = advertise(node, E_STOP), advertise(node, PAGE_E_STOP)
    assert spin_until(lambda: switch.get_subscription_count() and page.get_subscription_count())
    page.publish(Bool(data=True))
    assert reset_says('false on /hand/e_stop/page')
    page.publish(Bool(data=False))
    assert reset_says('e-stop released')
    assert spin_until(lambda: reasons and reasons[-1] == 'the e-stop is not heard of')

    def another_reason():
        switch.publish(Bool(data=False))
        return reasons[-1].startswith('no decoder')

    assert spin_until(another_reason), reasons[-1]


@pytest.mark.parametrize('remap', [(), ('-r', 'hand/e_stop:=/all/e_stop')])
def test_the_page_lets_go_only_of_what_a_page_pressed(node, spin_until, start_node, reset_says, remap):
    start_node('hand_bridge', '--ros-args', *remap)
    name = f'/{"all" if remap else "hand"}/e_stop'
    page_topic = dataclasses.replace(PAGE_E_STOP, name=f'{name}/page')
    switch, page = advertise(node, dataclasses.replace(E_STOP, name=name)), advertise(node, page_topic)
    assert spin_until(lambda: switch.get_subscription_count() and page.get_subscription_count())
    assert reset_says(f'false on {name})', first=lambda: switch.publish(Bool(data=True)))
    page.publish(Bool(data=True))
    assert reset_says(f'false on {name} and {name}/page)')
    node.destroy_publisher(page)  # the page has crashed, and is started again
    page = advertise(node, page_topic)
    assert spin_until(page.get_subscription_count)
    page.publish(Bool(data=False))
    assert reset_says(f'false on {name})')
    page.publish(Bool(data=True))
    assert reset_says(f'false on {name} and {name}/page)')
    switch.publish(Bool(data=False))
    assert reset_says(f'false on {name}/page)')
    page.publish(Bool(data=False))
    assert reset_says('e-stop released')


def test_one_command_for_each_decode_and_joint_targets_at_a_fixed_rate(feeder):
    feeder = feeder(*PATIENT, '-p', 'hold_dwell_s:=0.2')
    feeder.hold()
    healthy = [c for c in feeder.commands if c.due_ns]
    stamps = [command.stamp_ns for command in healthy]
    assert set(np.diff(stamps)) == {BIN_NS}
    assert feeder.spin_until(lambda: len(feeder.targets) >= 1.8 * len(feeder.commands)), 'targets come at 50 Hz'
    assert list(feeder.targets[-1].name) == list(JointTargets(load_grip_table()).names)
    assert feeder.commands[-1].grip == 'spherical'
    feeder.grasp = 0.01
    feeder.reach(OPEN)


@pytest.mark.parametrize(
    'output, message_type, topic, values',
    [
        ('forward_command', Float64MultiArray, '/hand_controller/commands', lambda m: m.data),
        ('joint_trajectory', JointTrajectory, '/hand_controller/joint_trajectory', lambda m: m.points[0].positions),
    ],
)
def test_controllers_get_the_joint_targets(feeder, node, output, message_type, topic, values):
    received = []
    node.create_subscription(message_type, topic, received.append, 100)
    feeder = feeder(*PATIENT, '-p', f'output:={output}')
    feeder.hold()
    assert feeder.spin_until(lambda: received and feeder.targets and max(values(received[-1])) > 1.0)
    known = [list(t.position) for t in feeder.targets]
    assert list(values(received[-2])) in known
    if output == 'joint_trajectory':
        assert received[-1].joint_names == list(feeder.targets[-1].name)


def test_diagnostics_say_what_the_hand_is_told_and_how_fast(feeder, node, spin_until):
    feeder = feeder(*PATIENT)
    statuses = {}
    subscribe(node, DIAGNOSTICS, lambda array: statuses.update({status.name: status for status in array.status}))
    feeder.hold()
    assert spin_until(lambda: getattr(statuses.get('hand_bridge: hand'), 'message', '').startswith('HOLD'))
    assert statuses['hand_bridge: hand'].level == DiagnosticStatus.OK
    stages = {value.key: float(value.value) for value in statuses['hand_bridge: latency'].values}
    assert 0 < stages['decode p50 (ms)'] < stages['total p50 (ms)'] <= stages['total p99 (ms)']
    feeder.change = {'object_id': 99}
    assert spin_until(lambda: 'unknown object 99' in statuses['hand_bridge: hand'].message)
    assert statuses['hand_bridge: hand'].level == DiagnosticStatus.WARN
    listener = subscribe(node, JOINT_TARGETS, print)
    assert spin_until(lambda: statuses['hand_bridge: listeners'].message == '2 listen to /hand/joint_targets')
    node.destroy_subscription(listener)
    assert spin_until(lambda: statuses['hand_bridge: listeners'].level == DiagnosticStatus.WARN)
    assert '1 listen to /hand/joint_targets, 1 are gone' in feeder.bridge.log_text()


def test_the_hand_holds_when_it_feels_the_object_and_diagnostics_say_how_the_grasp_went(feeder, node, spin_until):
    grips = load_grip_table()
    names, states = JointTargets(grips).names, advertise(node, HAND_STATE)
    lift, statuses = {'contact': False, 'lift': 0.0}, {}

    def say():
        position = feeder.targets[-1].position if feeder.targets else [0.0] * len(names)
        states.publish(hand_state_message(HandState(0, 0, joint_name=names, joint_position=position, **lift), 0))

    feeder = feeder(*PATIENT, '-p', 'contact:=true', '-p', 'hold_dwell_s:=0.2')
    subscribe(node, DIAGNOSTICS, lambda array: statuses.update({status.name: status for status in array.status}))
    assert spin_until(lambda: feeder.commands and 'no hand: waiting for hand/state' in feeder.commands[-1].reason)
    node.create_timer(0.02, say)
    feeder.reach(PRESHAPE)
    feeder.grasp = 0.99
    assert spin_until(lambda: 'no finger has met an object' in feeder.commands[-1].reason)
    assert feeder.state == CLOSE
    lift['contact'] = True
    feeder.reach(HOLD)
    lift['lift'] = 0.1
    assert spin_until(lambda: len([c for c in feeder.commands if c.state == HOLD]) > 15)
    feeder.grasp = 0.01
    feeder.reach(OPEN)
    assert spin_until(lambda: 'spherical: held, lifted for' in statuses['hand_bridge: grasps'].message)
    counts = {value.key: value.value for value in statuses['hand_bridge: grasps'].values}
    assert counts == {'tried': '1', 'closed': '1', 'held': '1'}
    assert statuses['hand_bridge: answers'].message == '1 publish /hand/state'
    advertise(node, HAND_STATE)
    assert spin_until(lambda: statuses['hand_bridge: answers'].level == DiagnosticStatus.WARN)
    assert '2 publish /hand/state: of two hands one hides what the other does' in feeder.bridge.log_text()


def test_a_bridge_that_hears_the_commands_of_another_is_safe_until_it_is_alone(feeder, node, spin_until):
    feeder = feeder(*PATIENT)
    feeder.reach(OPEN)
    another = advertise(node, HAND_COMMAND)
    assert spin_until(lambda: another.get_subscription_count() == 2)
    another.publish(hand_command_message(dataclasses.replace(feeder.commands[-1], published_ns=1)))
    assert spin_until(lambda: 'another hand_bridge' in feeder.commands[-1].reason)
    assert feeder.state == SAFE
    feeder.reach(OPEN)


def test_a_bridge_that_is_ended_leaves_the_hand_safe(feeder, spin_until):
    feeder = feeder(*PATIENT)
    feeder.hold()
    feeder.bridge.interrupt()
    assert feeder.bridge.wait(10.0) == 0
    assert spin_until(lambda: feeder.commands[-1].reason == 'hand_bridge has ended')
    assert feeder.commands[-1].state == SAFE


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_a_bridge_that_never_had_a_decoder_ends_in_order(spin_until, start_node, number):
    process = start_node('hand_bridge')
    # Before, a signal cuts its start short, and it says nothing.
    assert spin_until(lambda: 'SAFE: no decoder' in process.log_text())
    os.kill(process.pid, number)
    assert process.wait(30) == 0
    assert 'hand_bridge has ended' in process.log_text() and 'Traceback' not in process.log_text()


def test_an_error_in_a_callback_is_a_fault_and_not_the_end(feeder, node, spin_until):
    feeder = feeder(*PATIENT)
    feeder.hold()
    info = advertise(node, DECODER_INFO)
    assert spin_until(lambda: info.get_subscription_count())
    info.publish(msg.DecoderInfo(bundle_sha256='x', bin_s=float('nan'), tasks=['phase', 'object'], object_id=[1, 1]))
    assert spin_until(lambda: 'a bin lasts nan' in feeder.commands[-1].reason)
    assert feeder.commands[-1].state == SAFE and feeder.bridge.poll() is None


@pytest.mark.parametrize('reliable', [True, False])
def test_an_e_stop_that_was_pressed_before_the_bridge_started_is_heard_and_survives_its_restart(
    node, spin_until, start_node, reliable
):
    topic = LATCHED_E_STOP if reliable else E_STOP
    publisher, reasons = advertise(node, topic), []
    subscribe(node, HAND_COMMAND, lambda command: reasons.append(command.reason))
    if reliable:
        publisher.publish(Bool(data=True))
    bridge = start_node('hand_bridge')

    def is_heard():
        if not reliable:  # what the bridge does not hear yet is lost
            publisher.publish(Bool(data=True))
        return 'e-stop' in reasons

    assert spin_until(is_heard)
    end_processes([bridge])
    node.destroy_publisher(publisher)
    again = start_node('hand_bridge')
    assert spin_until(lambda: 'pressed before the start' in again.log_text())
    # What cannot be forgotten would be back after the next restart, and so it stays.
    (memory,) = state_directory().glob('e_stop_*')
    memory.unlink()
    memory.mkdir()
    reset = client(node, RESET)
    assert spin_until(reset.service_is_ready)
    refused = reset.call_async(Trigger.Request())
    assert spin_until(refused.done)
    assert not refused.result().success and 'stays pressed' in refused.result().message
    memory.rmdir()
    released = reset.call_async(Trigger.Request())
    assert spin_until(released.done)
    assert released.result().success


def test_an_output_without_its_messages_is_refused_in_one_line(domain_id, tmp_path):
    try:
        import control_msgs.action  # noqa: F401
    except ImportError:
        process = NodeProcess('hand_bridge', ['--ros-args', '-p', 'output:=gripper_command'], tmp_path / 'log')
        assert process.wait(60.0) == 2
        assert 'needs the ROS package control_msgs' in process.last_words()
    else:
        pytest.skip('control_msgs is installed')


def test_the_documented_controller_has_the_joints_in_order():
    text = Path(__file__).resolve().parents[2].joinpath('docs', 'your_hand.md').read_text()
    examples = [yaml.safe_load(block.split('```')[0]) for block in text.split('```yaml')[1:]]
    example = next(example for example in examples if 'hand_controller' in example)
    assert example['hand_controller']['ros__parameters']['joints'] == list(JointTargets(load_grip_table()).names)


def test_who_cannot_be_heard_and_who_is_missing_is_a_diagnostic(node, spin_until, start_node):
    bridge, statuses = start_node('hand_bridge'), {}
    subscribe(node, DIAGNOSTICS, lambda array: statuses.update({status.name: status for status in array.status}))

    def connections():
        return statuses.get('hand_bridge: connections', DiagnosticStatus())

    assert spin_until(lambda: 'nobody publishes /decoded_grasp' in connections().message)
    assert connections().level == DiagnosticStatus.WARN, connections().message
    publishers = [advertise(node, dataclasses.replace(topic, reliable=False)) for topic in (DECODED_GRASP, SPIKES)]
    publishers += [advertise(node, DECODER_INFO), advertise(node, E_STOP)]
    assert spin_until(lambda: '/decoded_grasp of /test is not heard: best effort publisher' in connections().message)
    assert connections().level == DiagnosticStatus.ERROR
    assert '/hand/e_stop' not in connections().message, 'one of the two subscriptions hears it'
    assert '/decoded_grasp of /test is not heard' in bridge.log_text()
    for publisher in publishers[:2]:
        node.destroy_publisher(publisher)
    publishers[:2] = [advertise(node, topic) for topic in (DECODED_GRASP, SPIKES)]
    assert spin_until(lambda: (connections().level, connections().message) == (DiagnosticStatus.OK, 'all there'))
    asks_more = dataclasses.replace(JOINT_TARGETS, transient_local=True)
    subscribe(node, asks_more, lambda targets: None)
    assert spin_until(lambda: '/test does not hear /hand/joint_targets' in connections().message)


def test_a_simulated_hand_that_dies_is_noticed_and_taken_back(feeder, start_node, spin_until):
    pytest.importorskip('mujoco')
    hand = start_node('simulated_hand')
    feeder = feeder(*PATIENT, '-p', 'contact:=true', '-p', 'feedback_timeout_s:=2.0')
    feeder.reach(PRESHAPE)
    hand.kill()
    feeder.reach(SAFE)
    assert 'the hand has said nothing for 2 s' in feeder.commands[-1].reason
    hand.wait(10)
    start_node('simulated_hand')
    feeder.reach(PRESHAPE)

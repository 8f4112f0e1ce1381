"""The grasp controller: what it decides, and that every fault is safe."""

import dataclasses
import itertools

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from grasp_decoder.control.fault_policies import Fault, FaultKind, Policy, load_fault_policies
from grasp_decoder.control.faults import SourceClock
from grasp_decoder.control.grasp_controller import GraspController
from grasp_decoder.control.grasp_state_machine import UNSEEN, Seen
from grasp_decoder.control.held import KEPT_S
from grasp_decoder.control.joint_targets import JointTargets
from grasp_decoder.control.settings import ControlSettings
from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.evidence import EvidenceRule
from grasp_decoder.objects import GraspObject, ObjectCatalogue
from grasp_decoder.types.hand_command import HandMode

from helpers.healthy_decodes import BIN_NS, BIN_S, BUNDLE, GRIPS, LOOK_BACK, NAN, OBJECTS, Decoder


def states(commands):
    """The states that were visited, in order."""
    visited = []
    for command in commands:
        if not visited or visited[-1] != command.state.name:
            visited.append(command.state.name)
    return visited


def test_a_trial_goes_through_every_state_and_lets_go():
    hand = Decoder()
    commands = hand.run(2.8) + hand.run(0.4, grasp=0.98) + hand.run(1.2)
    assert states(commands) == ['SAFE', 'OPEN', 'PRESHAPE', 'CLOSE', 'HOLD', 'OPEN']
    held = [c for c in commands if c.state == HandMode.HOLD]
    assert {c.grip for c in held} == {'spherical'}
    assert {c.aperture for c in held} == {1.0}
    assert held[-1].stamp_ns - held[0].stamp_ns >= 1.1e9
    assert commands[-1].aperture == 0.0


def test_closing_begins_within_two_bins_of_the_onset_and_takes_less_than_a_fifth_of_a_second():
    hand = Decoder()
    hand.run(2.8)
    commands = hand.run(0.4, grasp=0.98)
    assert commands[1].state == HandMode.CLOSE
    assert commands[5].aperture == 1.0


def test_the_hand_does_not_close_on_an_object_that_training_did_not_have_and_says_so():
    hand = Decoder()
    hand.run(2.8)
    commands = hand.run(0.4, grasp=0.98, novelty=0.8)
    assert {'CLOSE', 'HOLD'}.isdisjoint(states(commands))
    assert commands[-1].reason == 'grasp decoded, but of an object unlike those of training (0.80)'
    assert hand.run(0.4, grasp=0.98, novelty=0.1)[-1].state == HandMode.HOLD


def test_novelty_does_not_count_before_the_grasp():
    preshaped = Decoder().run(2.8, novelty=1.0)
    assert states(preshaped) == ['SAFE', 'OPEN', 'PRESHAPE']


def test_a_single_bin_of_grasp_at_rest_does_not_close():
    hand = Decoder()
    commands = hand.run(2.0) + hand.run(BIN_S, grasp=0.98) + hand.run(2.0)
    assert 'CLOSE' not in states(commands)


def test_a_decoder_of_another_catalogue_moves_nothing_until_one_of_this_comes():
    hand = Decoder()
    hand.run(0.6)
    labels = [f'object {object_id}' for object_id in OBJECTS]
    hand.controller.configure(OBJECTS, BIN_S, LOOK_BACK, labels=['side', *labels[1:]])
    commands = hand.run(0.6) + hand.run(1.0, grasp=0.99)
    assert {command.state for command in commands} == {HandMode.SAFE}
    assert "the decoder calls object 21 'side'" in commands[-1].reason and '--objects' in commands[-1].reason
    hand.controller.configure(OBJECTS, BIN_S, LOOK_BACK, labels=labels)
    assert hand.run(0.6)[-1].state != HandMode.SAFE


def lateral(object_id):
    return GraspObject(object_id, f'object {object_id}', grip='lateral')


def test_the_grip_is_the_one_that_the_objects_together_favour():
    # 31 and 61 are less probable than 44 each; let 21 and 61 share a grip
    shared = dataclasses.replace(GRIPS, objects=ObjectCatalogue((lateral(21), lateral(61))))
    hand = Decoder(GraspController(ControlSettings(), shared))
    probability = np.array([0.332, 0.001, 0.335, 0.332], np.float32)
    commands = hand.run(1.0, object_probability=probability)
    commands += hand.run(0.4, grasp=0.98, object_probability=probability)
    assert commands[-1].grip == 'lateral'


def test_an_object_that_the_table_does_not_list_takes_the_power_grip():
    controller = GraspController(ControlSettings(), GRIPS)
    hand = Decoder(controller)
    controller.configure((1, 2, 3, 4), BIN_S, LOOK_BACK)
    commands = [
        controller.step(dataclasses.replace(hand.decode(grasp), object_id=3), hand.now_ns)
        for grasp in [0.01] * 30 + [0.98] * 8
    ]
    assert commands[-1].state == HandMode.HOLD
    assert commands[-1].grip == 'power'


def test_a_decoder_of_the_phase_alone_takes_the_default_grip():
    hand = Decoder()
    hand.controller.configure((), BIN_S, LOOK_BACK)
    empty = {'object_id': 44, 'object_probability': np.empty(0, np.float32)}
    commands = hand.run(1.0, **empty) + hand.run(0.4, grasp=0.98, **empty)
    assert commands[-1].state == HandMode.HOLD
    assert commands[-1].grip == 'power'


def test_unsure_of_the_grip_the_hand_stays_open():
    hand = Decoder(close_confidence=0.6)
    commands = hand.run(1.0, confidence=0.25) + hand.run(0.4, grasp=0.98, confidence=0.25)
    assert commands[-1].state == HandMode.OPEN
    assert 'unsure' in commands[-1].reason


def test_rest_while_closing_aborts():
    hand = Decoder(max_aperture_velocity=1.0)
    hand.run(1.0)
    commands = hand.run(0.16, grasp=0.98) + hand.run(0.4)
    assert states(commands) == ['PRESHAPE', 'CLOSE', 'OPEN']
    assert 'aborted' in commands[-1].reason


def test_the_hand_opens_before_it_preshapes_another_grip():
    hand = Decoder(preshape_dwell_s=0.4, open_dwell_s=0.2)
    rule = EvidenceRule(4 * (0.25,), gain=1.0, memory_s=0.02)
    hand.controller.configure(OBJECTS, BIN_S, LOOK_BACK, BUNDLE, rule)
    commands = hand.run(1.0) + [hand.step(object_id=OBJECTS[i // 7 % 2]) for i in range(400)]
    changes = [b for a, b in itertools.pairwise(commands) if a.grip != b.grip]
    assert len(changes) > 2
    assert states(commands)[1:] == (['OPEN', 'PRESHAPE'] * 100)[: len(states(commands)) - 1]
    assert np.diff([c.stamp_ns for c in changes]).min() >= 0.6e9


def test_while_a_window_fills_the_hand_is_open():
    hand = Decoder()
    hand.run(2.0)
    unknown = {'phase_probability': NAN, 'object_probability': np.empty(0, np.float32), 'segment': 1}
    commands = [hand.step(bin=i, object_id=44, **unknown) for i in range(LOOK_BACK - 1)]
    assert states(commands) == ['OPEN']
    command = hand.step(bin=LOOK_BACK - 1, **unknown)
    assert (command.state, command.reason) == (HandMode.SAFE, 'phase probability is nan')


def test_a_grasp_outlives_the_end_of_its_segment():
    hand = Decoder()
    hand.run(2.8)
    commands = hand.run(0.4, grasp=0.98)
    hand.stamp_offset_ns += 4_000_000_000  # a gap in the recording
    commands += [hand.step(segment=1, bin=i) for i in range(10)]
    assert states(commands)[-1] == 'HOLD'


def aperture(hand, values, grasp=0.0):
    return [hand.step(aperture=value, grasp=grasp) for value in values]


def test_proportional_aperture_follows_the_decode_outside_the_dead_band():
    hand = Decoder(proportional=True, max_aperture_velocity=2.0, close_threshold=0.5)
    aperture(hand, [0.0] * 40)
    commands = aperture(hand, [0.8] * 20)
    assert commands[-1].aperture == pytest.approx(0.8)
    steps = np.diff([c.aperture for c in commands])
    assert steps.max() <= 2.0 * BIN_S + 1e-9
    wobble = aperture(hand, [0.8, 0.82, 0.78, 0.81] * 4)
    assert {c.aperture for c in wobble} == {commands[-1].aperture}
    assert aperture(hand, [0.9] * 20)[-1].aperture == pytest.approx(0.9)
    assert states(aperture(hand, [0.0] * 40))[-1] in ('OPEN', 'PRESHAPE')


FAULTS = {
    'phase probability is nan': {'phase_probability': NAN},
    'phase probability is 1.5': {'phase_probability': 1.5},
    'object probabilities are not in 0..1': {'object_probability': np.array([NAN, 0.0, 1.0, 0.0], np.float32)},
    '2 object probabilities for 4 objects': {'object_probability': np.array([0.5, 0.5], np.float32)},
    'unknown object 77': {'object_id': 77},
    'confidence is nan': {'confidence': NAN},
    'no confidence: 0.1 is less than chance': {'confidence': 0.1},
    'clock went back 10 s': 'clock back',
    'lost data: 3 spike batches': {'lost_batches': 3},
    'lost data: bin 900 follows bin': {'bin': 900},
    'clock jumped 2.04 s in one bin': 'clock jumps',
    'late: the decode is 0.50 s old': 'late',
    'due 1.00 s in the future': 'early',
    'validity is nan': {'validity': NAN},
    'not the input that was learnt: swapped': {'validity': 0.4, 'invalid_reason': 'swapped'},
    'a decode of bundle 0123, which has not': {'bundle': '0123'},
    'another decoder than before': {'decoder': 5},
}


@pytest.mark.parametrize('reason', FAULTS)
@pytest.mark.parametrize('grasping', (False, True))
def test_every_fault_is_safe_at_once_and_recovers_at_rest(reason, grasping):
    hand = Decoder()
    hand.run(2.0)
    if grasping:
        assert hand.run(0.4, grasp=0.98)[-1].state == HandMode.HOLD
    change = FAULTS[reason]
    healthy = hand.decode()
    if change == 'clock back':
        hand.stamp_offset_ns -= 10_000_000_000 + BIN_NS
        change = {'stamp_ns': healthy.stamp_ns - BIN_NS - 10_000_000_000}
    elif change == 'clock jumps':
        change = {'stamp_ns': healthy.stamp_ns + 2_000_000_000}
        hand.stamp_offset_ns += 2_000_000_000
    elif change == 'late':
        change = {'due_ns': healthy.due_ns + 1_000_000 - 500_000_000}
    elif change == 'early':
        change = {'due_ns': hand.now_ns + 1_000_000_000}
    command = hand.controller.step(dataclasses.replace(healthy, **change), hand.now_ns)
    assert command.state == HandMode.SAFE
    assert command.reason.startswith(reason)

    after = {'lost_batches': change.get('lost_batches', 0)}
    if 'bin' in change:
        hand.bin = change['bin']
    visited = states(hand.run(2.0, grasp=0.98, **after))
    if grasping and change_keeps(reason):
        assert visited == ['SAFE', 'HOLD'], 'what is held is kept, and held again'
        assert states(hand.run(2.0, **after))[:2] == ['HOLD', 'OPEN']
    else:
        assert visited == ['SAFE'], 'grasp right after a fault does not close'
        assert states(hand.run(2.0, **after))[:2] == ['SAFE', 'OPEN']


def change_keeps(reason):
    return reason.split()[0].rstrip(':') in ('clock', 'lost', 'late', 'due', 'a', 'another')


@pytest.mark.parametrize('beside', ({}, {'segment': 1}, {'segment': 1, 'stamp_ns': 10**15}))
def test_two_decoders_move_nothing_whatever_their_clocks_say(beside):
    hand = Decoder()
    hand.run(1.0, decoder=1)
    for _ in range(50):
        other = dataclasses.replace(hand.decode(grasp=0.98), decoder=2, **beside)
        assert hand.controller.step(other, hand.now_ns).reason.startswith('another decoder')
        assert hand.step(grasp=0.98, decoder=1).state == HandMode.SAFE
    assert states(hand.run(2.0, decoder=1))[:2] == ['SAFE', 'OPEN']


def milliseconds(ms):
    return ms * 1_000_000


def test_silence_is_safe_and_the_hand_opens_within_its_limits():
    hand = Decoder(safe_state='open')
    hand.run(2.0)
    hand.run(0.4, grasp=0.98)
    assert hand.controller.watchdog(hand.now_ns + milliseconds(150)) is None
    commands = [hand.controller.watchdog(hand.now_ns + milliseconds(ms)) for ms in range(160, 560, 20)]
    assert states(commands) == ['SAFE']
    assert commands[0].aperture > 0.0
    assert commands[-1].aperture == 0.0


@pytest.mark.parametrize(
    'silent_ms, source_silent_ms, ahead_ms, reason',
    [
        (170, 170, 30, 'spikes stopped'),
        (170, 10, 80, 'decoder stopped: spikes arrive, decodes do not'),
        (740, 40, 39, None),
        (760, 40, 39, 'paused'),
    ],
)
def test_silence_names_its_cause(silent_ms, source_silent_ms, ahead_ms, reason):
    hand = Decoder()
    last = hand.run(2.0)[-1]
    now_ns = hand.now_ns + milliseconds(silent_ms)
    clock = SourceClock(now_ns - milliseconds(source_silent_ms), 0, last.stamp_ns + milliseconds(ahead_ms))
    command = hand.controller.watchdog(now_ns, lambda: clock)
    assert (command and command.reason) == reason
    assert command is None or command.state == HandMode.SAFE


def test_after_a_gap_the_next_trial_has_two_bins_of_time_for_its_first_decode():
    hand = Decoder()
    stamp_ns = hand.run(2.0)[-1].stamp_ns + 60_000_000_000
    answers = []
    for ms in range(510, 640, 10):
        now_ns = hand.now_ns + milliseconds(ms)
        answers.append(hand.controller.watchdog(now_ns, lambda: SourceClock(now_ns, 1, stamp_ns + milliseconds(ms))))
    assert answers[:8] == [None] * 8
    assert answers[8].reason.startswith('decoder stopped')


def test_safe_can_hold_the_hand_where_it_is():
    hand = Decoder(safe_state='hold')
    hand.run(2.0)
    hand.run(0.4, grasp=0.98)
    commands = hand.run(1.0, confidence=0.0)
    assert {(c.state, c.aperture) for c in commands} == {(HandMode.SAFE, 1.0)}


def test_e_stop_latches_until_reset():
    hand = Decoder()
    hand.run(2.0)
    assert hand.controller.e_stop(hand.now_ns).reason == 'e-stop'
    commands = [*hand.run(5.0), hand.controller.watchdog(hand.now_ns + 10**9), *hand.run(1.0, confidence=0.0)]
    assert {(c.state, c.reason) for c in commands} == {(HandMode.SAFE, 'e-stop')}
    with pytest.raises(GraspDecoderError, match='still pressed'):
        hand.controller.reset()
    hand.controller.e_stop_let_go()
    hand.controller.reset()
    commands = hand.run(1.0)
    assert states(commands)[:2] == ['SAFE', 'OPEN']
    assert commands[0].reason == 'e-stop released'


def test_without_a_decoder_the_hand_is_safe():
    hand = Decoder()
    hand.controller = GraspController(ControlSettings(), GRIPS)
    assert 'no decoder' in hand.controller.watchdog(0).reason
    assert states(hand.run(3.0, grasp=0.98)) == ['SAFE']


@pytest.mark.parametrize(
    'change', [{'safe_state': 'float'}, {'hold_dwell_s': -1.0}, {'close_threshold': 0.2}, {'phase_gain': NAN}]
)
def test_bad_settings_are_refused_by_name(change):
    with pytest.raises(GraspDecoderError, match=next(iter(change)) if 'close' not in str(change) else 'release'):
        ControlSettings(**change)


def holding(**settings):
    """A hand that has just begun to hold."""
    hand = Decoder(**settings)
    hand.run(2.0)
    assert hand.run(0.4, grasp=0.98)[-1].state == HandMode.HOLD
    return hand


def test_one_lost_batch_does_not_drop_what_is_held():
    hand = holding()
    commands = [hand.step(grasp=0.98, lost_batches=1), *hand.run(0.6, grasp=0.98, lost_batches=1)]
    assert states(commands) == ['SAFE', 'HOLD']
    assert {command.aperture for command in commands} == {1.0}


def test_what_is_kept_is_let_go_when_the_dwell_is_over():
    hand = holding(hold_dwell_s=1.0)
    apertures = {ms: hand.controller.watchdog(hand.now_ns + milliseconds(ms)).aperture for ms in range(160, 2000, 20)}
    assert apertures[600] == 1.0
    assert apertures[1980] == 0.0


def test_another_bundle_does_not_drop_what_is_held():
    hand = holding()
    hand.controller.configure(OBJECTS[::-1], BIN_S, LOOK_BACK, 64 * 'b')
    assert states(hand.run(1.0, grasp=0.98, bundle='bbbb')) == ['SAFE', 'HOLD']
    assert states(hand.run(1.0, bundle='bbbb'))[:2] == ['HOLD', 'OPEN']


def test_an_e_stop_does_not_keep_what_is_held():
    hand = holding()
    hand.step(grasp=0.98, lost_batches=1)
    commands = [hand.controller.e_stop(hand.now_ns + milliseconds(ms)) for ms in range(0, 600, 20)]
    assert commands[-1].aperture == 0.0


def test_a_fault_that_keeps_does_not_undo_one_that_holds():
    policies = {**load_fault_policies(), FaultKind.HAND: Policy.HOLD}
    hand = Decoder(GraspController(ControlSettings(), GRIPS, policies))
    hand.run(2.0)
    hand.run(2 * BIN_S, grasp=0.98)
    stopped = hand.controller.fail(Fault(FaultKind.HAND, 'blocked'), hand.now_ns)
    assert stopped.still
    assert hand.step(grasp=0.98, lost_batches=1).still


def test_hold_stops_every_joint_within_one_control_period():
    hand = Decoder(safe_state='hold')
    joints = JointTargets(GRIPS)
    hand.run(2.0)
    for _ in range(3):
        angles = joints.step(hand.step(grasp=0.98), hand.now_ns)
    for ms in range(0, 3000, 20):
        now_ns = hand.now_ns + milliseconds(ms)
        stopped = joints.step(hand.controller.e_stop(now_ns), now_ns)
        assert np.array_equal(stopped, angles)


def test_a_moving_hand_stops_where_it_is_measured_and_one_that_holds_keeps_its_grip():
    moving, arrived = Decoder(safe_state='hold'), holding(safe_state='hold')
    moving.run(2.0)
    for hand, expected in ((moving, 0.05), (arrived, 0.0)):
        joints = JointTargets(GRIPS)
        for _ in range(40 if hand is arrived else 2):
            angles = joints.step(hand.step(grasp=0.98), hand.now_ns)
        stopped = joints.step(hand.controller.e_stop(hand.now_ns), hand.now_ns, measured=angles - 0.05)
        assert np.abs(stopped - angles).max() == pytest.approx(expected)


def test_joint_targets_start_where_the_hand_is():
    joints = JointTargets(GRIPS)
    closed = np.repeat([motor.high for motor in GRIPS.motors], [len(motor.joints) for motor in GRIPS.motors])
    joints.start_from(closed)
    hand = Decoder()
    first = joints.step(hand.step(), hand.now_ns)
    second = joints.step(hand.step(), hand.now_ns)
    assert np.allclose(first, closed)
    assert np.all(second <= closed) and np.any(second < closed)


def test_the_hand_does_not_close_before_the_decoder_has_seen_rest():
    hand = Decoder()
    hand.bin = -1
    commands = hand.run((LOOK_BACK - 1) * BIN_S, grasp=NAN, phase=0)
    assert hand.bin == LOOK_BACK - 2
    assert states([*commands, *hand.run(2.0, grasp=0.98)]) == ['SAFE']


def test_a_source_of_another_machine_that_falls_behind_is_late():
    hand = Decoder()
    hand.run(1.0, due_ns=0)
    hand.now_ns += milliseconds(400)  # decodes go on, each as much too late
    command = hand.step(due_ns=0)
    assert command.state == HandMode.SAFE and command.reason.startswith('late: the decode is 0.40 s old')
    assert {command.reason for command in hand.run(1.0, due_ns=0)} == {command.reason}


@pytest.mark.parametrize('bin_s', [NAN, float('inf'), -100.0, 0.0, -1.0])
def test_a_decoder_that_makes_no_sense_is_refused_and_the_next_one_taken(bin_s):
    hand = Decoder()
    hand.run(1.0)
    hand.controller.configure(OBJECTS, bin_s, LOOK_BACK)
    commands = hand.run(1.0)
    assert states(commands) == ['SAFE'] and 'a bin lasts' in commands[-1].reason
    hand.controller.configure(OBJECTS, BIN_S, LOOK_BACK)
    assert states(hand.run(1.0))[:2] == ['SAFE', 'OPEN']


def test_a_standing_fault_lasts_until_it_is_cleared():
    hand = Decoder()
    hand.run(1.0)
    hand.controller.fail_until_cleared(Fault(FaultKind.SECOND_PUBLISHER, 'two decoders'), hand.now_ns)
    assert {command.reason for command in hand.run(2.0)} == {'two decoders'}
    hand.controller.clear(FaultKind.SECOND_PUBLISHER)
    assert states(hand.run(1.0))[:2] == ['SAFE', 'OPEN']


def test_a_table_of_faults_may_leave_out_what_stays(tmp_path):
    table = tmp_path / 'faults.yaml'
    table.write_text('e_stop: hold\n')
    policies = load_fault_policies(table)
    assert policies[FaultKind.E_STOP] == Policy.HOLD
    assert set(policies) == set(FaultKind)


@pytest.mark.parametrize(
    'text, words',
    [('e_stop: fly', 'fly'), ('earthquake: open', 'earthquake'), ('- open', 'lines'), (': {', 'not YAML')],
)
def test_a_wrong_table_of_faults_is_refused(tmp_path, text, words):
    table = tmp_path / 'faults.yaml'
    table.write_text(text)
    with pytest.raises(GraspDecoderError, match=words) as error:
        load_fault_policies(table)
    assert str(table) in str(error.value)


@given(
    count=st.lists(st.integers(1, 1000), min_size=1, max_size=60),
    grip_names=st.lists(st.sampled_from(sorted(GRIPS.postures)), min_size=60, max_size=60),
    gain=st.floats(0.01, 1.0),
)
def test_a_decoder_that_says_how_often_training_had_the_objects_moves_nothing(count, grip_names, gain):
    # also where all objects but one share a grip, and where training had one of them most often
    prior = tuple((np.array(count) / sum(count)).tolist())
    grip_names = grip_names[: len(count) - 1]
    grip_names.append('hook' if 'hook' not in grip_names else 'power')  # one grip alone is always the right one
    assume(len(set(grip_names)) > 1)
    catalogue = ObjectCatalogue(tuple(GraspObject(i, f'object {i}', grip=name) for i, name in enumerate(grip_names)))
    hand = Decoder(GraspController(ControlSettings(), dataclasses.replace(GRIPS, objects=catalogue)))
    hand.controller.configure(range(len(prior)), BIN_S, LOOK_BACK, BUNDLE, EvidenceRule(prior, gain))
    knows_nothing = {
        'object_id': int(np.argmax(prior)),
        'object_probability': np.array(prior, np.float32),
        'confidence': max(prior),
    }
    commands = [
        hand.controller.step(dataclasses.replace(hand.decode(grasp), **knows_nothing), hand.now_ns)
        for grasp in [0.01] * 25 + [0.98] * 10
    ]
    assert states(commands) == ['SAFE', 'OPEN']
    assert 'unsure of the grip (0.00)' in commands[-1].reason


@pytest.mark.parametrize('rule', [EvidenceRule((1.0,)), EvidenceRule(4 * (0.25,), gain=NAN)])
def test_a_decoder_whose_rule_of_evidence_makes_no_sense_moves_nothing(rule):
    hand = Decoder()
    hand.controller.configure(OBJECTS, BIN_S, LOOK_BACK, BUNDLE, rule)
    commands = hand.run(1.0) + hand.run(1.0, grasp=0.98)
    assert states(commands) == ['SAFE']
    assert commands[-1].reason.startswith('no decoder: /decoder_info says')


def lets_go_after_s(hand, seen, most_s=4.0, **changes):
    """Seconds of rest until HOLD ends; ``seen`` gives what the hand says at a time since HOLD began."""
    for count in range(1, round(most_s / BIN_S)):
        command = hand.controller.step(hand.decode(**changes), hand.now_ns, seen(count * BIN_S))
        if command.state != HandMode.HOLD:
            assert (command.state, command.reason) == (HandMode.OPEN, 'released: rest decoded')
            return count * BIN_S
    return None


def begins_to_hold(**settings):
    """A hand in its first bin of HOLD."""
    hand = Decoder(**settings)
    hand.run(2.0)
    while hand.step(grasp=0.98).state != HandMode.HOLD:
        pass
    return hand


@pytest.mark.parametrize('up_after_s', [0.08, 0.2, 0.6])
def test_the_hand_lets_go_as_soon_as_the_lift_has_lasted_long_enough(up_after_s):
    hand = begins_to_hold()
    after_s = lets_go_after_s(hand, lambda s: Seen(True, s >= up_after_s - 1e-6))
    assert after_s == pytest.approx(up_after_s + KEPT_S)


def test_of_a_hand_that_does_not_say_how_high_the_object_is_lifting_takes_as_long_as_is_said():
    assert lets_go_after_s(begins_to_hold(), lambda s: UNSEEN) == pytest.approx(1.2)
    assert lets_go_after_s(begins_to_hold(lift_s=0.6), lambda s: UNSEEN) == pytest.approx(1.6)
    assert lets_go_after_s(begins_to_hold(), lambda s: Seen(True, False)) == pytest.approx(1.2), 'never lifted'


def test_an_object_that_slips_and_is_lifted_again_is_held_from_then_on():
    hand = begins_to_hold()
    after_s = lets_go_after_s(hand, lambda s: Seen(True, s >= 0.12 and not 0.79 < s < 0.81))
    assert after_s == pytest.approx(0.84 + KEPT_S)


def test_rest_that_was_decoded_lets_go_although_a_new_segment_warms_up():
    hand = begins_to_hold()
    hand.run(0.8)
    hand.stamp_offset_ns += 200_000_000
    unknown = {'phase_probability': NAN, 'object_probability': np.empty(0, np.float32), 'segment': 1}
    visited = states(hand.step(bin=i, **unknown) for i in range(LOOK_BACK - 1))
    assert visited == ['HOLD', 'OPEN']


def test_a_grasp_that_lasts_until_a_new_segment_is_not_let_go_while_it_warms_up():
    hand = begins_to_hold()
    hand.run(1.4, grasp=0.98)
    unknown = {'phase_probability': NAN, 'object_probability': np.empty(0, np.float32), 'segment': 1}
    assert states(hand.step(bin=i, **unknown) for i in range(LOOK_BACK - 1)) == ['HOLD']


def test_a_hand_that_feels_nothing_does_not_hold():
    hand = Decoder()
    hand.run(2.0)
    commands = [hand.controller.step(hand.decode(grasp=0.98), hand.now_ns, Seen(False, False)) for _ in range(20)]
    assert states(commands) == ['PRESHAPE', 'CLOSE']
    assert 'no finger has met an object' in commands[-1].reason
    assert hand.controller.step(hand.decode(grasp=0.98), hand.now_ns, Seen(True, False)).state == HandMode.HOLD


@given(
    st.lists(st.tuples(st.sampled_from([0.01, 0.2, 0.5, 0.98]), st.booleans(), st.booleans()), max_size=60),
    st.floats(0.0, 3.0),
    st.floats(0.0, 1.0),
    st.booleans(),
)
def test_a_hand_whose_decoded_rest_lasts_lets_go(bins, hold_dwell_s, lift_s, is_lifted):
    hand = Decoder(hold_dwell_s=hold_dwell_s, lift_s=lift_s)
    hand.run(1.0)
    for grasp, touched, lifted in bins:
        hand.controller.step(hand.decode(grasp=grasp), hand.now_ns, Seen(touched, lifted))
    longest_s = lift_s + 2 * hold_dwell_s + 1.0
    commands = [
        hand.controller.step(hand.decode(), hand.now_ns, Seen(True, is_lifted)) for _ in range(round(longest_s / BIN_S))
    ]
    assert commands[-1].state in (HandMode.OPEN, HandMode.PRESHAPE)

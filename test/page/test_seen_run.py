# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""What the page knows of a run, and how it says it."""

import dataclasses
import math
from xml.etree import ElementTree

import pytest

from grasp_decoder.control.grip_table import load_grip_table
from grasp_decoder.page import words
from grasp_decoder.page.seen_run import FORGOTTEN_S, SILENT_S, SeenRun, Status
from grasp_decoder.recording.playback import heartbeat_at
from grasp_decoder.types.hand_command import HandCommand, HandMode
from grasp_decoder.types.hand_state import HandState

from helpers.healthy_decodes import INFO, Decoder

GRIPS = load_grip_table()
MS = 1_000_000
INPUT = Status(
    'decoder: input', 'warning', 'decoding without 3 units', {'dead units': '2: 3 17', 'runaway units': '1: 40'}
)


class Clock:
    """A clock that stands still until it is told to go on."""

    def __init__(self):
        self.now_s = 50.0

    def __call__(self):
        return self.now_s


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def run(clock):
    return SeenRun(GRIPS, clock=clock)


def command(state=HandMode.HOLD, reason='holds', due_ns=1000 * MS, published_ns=1004 * MS):
    return HandCommand(5, due_ns, state, 'power', 0.75, reason, published_ns)


def text(html):
    """What a person reads; the HTML must be well-formed."""
    return ' '.join(''.join(ElementTree.fromstring(f'<div>{html}</div>'.replace('&nbsp;', ' ')).itertext()).split())


def everything(run):
    parts = words.state, words.belief, words.health, words.units
    return ' | '.join([*(text(part(run)) for part in parts), text(words.outcomes(run, GRIPS.objects))])


def test_before_anything_came_the_page_says_so(run):
    said = everything(run)
    for words_ in ('NO HAND', 'hand_bridge has said nothing yet', 'no decode yet', 'no decoder yet', 'none yet'):
        assert words_ in said
    assert run.latency() is None


@pytest.mark.parametrize('state', HandMode)
def test_the_state_is_one_large_word_with_its_reason(run, state):
    run.take_command(command(state, 'why <b>&'))
    html = words.state(run)
    assert text(html).startswith(f'{state.name}why <b>&') and words.STATE_COLOURS[state] in html
    assert 'grip power, aperture 0.75' in text(html)


def test_a_hand_bridge_that_stopped_is_not_shown_as_its_last_state(run, clock):
    run.take_command(command())
    clock.now_s += SILENT_S
    assert text(words.state(run)).startswith('SILENThand_bridge has said nothing for 1 s')


def test_latency_is_that_of_commands_which_answer_a_decode(run):
    for delay_ms in range(1, 101):
        run.take_command(command(published_ns=(1000 + delay_ms) * MS))
    run.take_command(command(due_ns=0, published_ns=10**15))  # of the watchdog
    latency = run.latency()
    assert (latency.p50, latency.highest) == pytest.approx((50.5, 100)) and 99 < latency.p99 < 100
    assert '50.5 / 99.0 / 100.0 ms' in text(words.health(run))


def test_lost_batches_and_an_input_that_was_not_learnt_stand_out(run):
    run.take_decode(Decoder().decode(lost_batches=3, validity=0.1, invalid_reason='unit 3 is silent', novelty=0.4))
    assert 'lost batches3' in text(words.health(run)) and 'class="bad">3' in words.health(run)
    assert 'not the input that was learnt: unit 3 is silent' in text(words.belief(run))
    assert 'unknown object0.40' in text(words.belief(run))


def test_a_decoder_that_stopped_is_told(run, clock):
    run.take_info(INFO)
    run.take_decode(Decoder().decode())
    assert 'no decode for' not in everything(run)
    clock.now_s += 7
    assert 'no decode for 7 s' in everything(run)


def test_units_that_are_left_out_are_those_of_the_decoder(run, clock):
    run.take_spikes(heartbeat_at(0, 96))
    run.take_status(INPUT)
    assert run.left_out_units() == {'dead': [3, 17], 'runaway': [40]}
    assert '96 units' in everything(run) and '2 dead: 3 17' in everything(run)
    assert 'decoder: input: decoding without 3 units' in everything(run)
    assert run.paused and 'stands still' in everything(run)
    clock.now_s += FORGOTTEN_S
    assert run.left_out_units() == {'dead': [], 'runaway': []} and not run.paused


def test_statuses_of_another_system_in_the_domain_are_not_shown(clock):
    left, alone = SeenRun(GRIPS, 'left', clock), SeenRun(GRIPS, '', clock)
    for name in ('decoder: input', 'left/decoder: spikes', 'right/decoder: latency'):
        for run in (left, alone):
            run.take_status(dataclasses.replace(INPUT, name=name))
    assert list(left.statuses()) == ['decoder: spikes']
    assert list(alone.statuses()) == ['decoder: input']


def test_targets_are_shown_only_while_nobody_measures(run, clock):
    run.take_targets(['index_mcp'], [0.5])
    run.take_joints(['index_mcp', 'index_pip'], [0.4, math.nan])
    run.take_targets(['index_mcp'], [0.9])
    assert run.joints == {'index_mcp': 0.4}
    clock.now_s += SILENT_S
    run.take_targets(['index_mcp'], [0.9])
    assert run.joints == {'index_mcp': 0.9}


def test_an_object_that_is_lifted_is_told(run):
    run.take_command(command())
    run.take_hand(HandState(5, 5, lift=0.0, contact=True))
    assert 'touched' in text(words.state(run))
    run.take_hand(HandState(5, 5, lift=0.07, contact=True))
    assert 'lifted 7.0 cm' in text(words.state(run))

# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""The fault campaign: what its relay does to batches, when a hand counts as safe, and a few of its faults for real."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest

from benchmark.fault_relay import Relay, SomeBatches, StandingClock, delay, drop, duplicate, reorder
from benchmark.fault_verdict import Motion, closes_further, first_safe, left_safe_ns, next_trial_ns, opens_ns
from grasp_decoder.types.hand_command import HandCommand, HandMode
from grasp_decoder.types.spike_batch import SpikeBatch

MS = 1_000_000
PERIOD_NS = 10 * MS


def batch(number):
    start_ns = number * PERIOD_NS
    return SpikeBatch(
        number, 0, start_ns, start_ns + PERIOD_NS, 4, np.array([1], np.uint16), np.array([5], np.uint32), start_ns
    )


def passed(relay, count=200):
    """Sequence numbers as they leave the relay, in the order in which they do."""
    found = []
    for number in range(count + 20):
        if number < count:
            relay.take(batch(number), number * PERIOD_NS)
        found += [each.sequence for each in relay.due(number * PERIOD_NS)]
    return found


def disturbed(disturbance, rate):
    relay = Relay()
    relay.disturbance = SomeBatches(disturbance, rate, np.random.default_rng(1))
    return relay, passed(relay), relay.disturbance.count


def test_a_relay_passes_everything_on_in_order():
    assert passed(Relay()) == list(range(200))


@pytest.mark.parametrize('rate', [0.0, 0.1])
def test_the_first_batch_is_disturbed_and_then_some(rate):
    relay, numbers, count = disturbed(drop, rate)
    assert 0 not in numbers and len(numbers) == 200 - count
    assert relay.lost == count
    assert count == 1 if rate == 0.0 else 5 <= count <= 40


def test_batches_come_twice_late_or_overtaken():
    _, numbers, count = disturbed(duplicate, 0.1)
    assert len(numbers) == 200 + count and numbers == sorted(numbers)
    relay, numbers, count = disturbed(delay, 0.0)
    assert numbers.index(0) == 9 and sorted(numbers) == list(range(200)) and relay.lost == count == 1
    relay, numbers, _ = disturbed(reorder, 0.0)
    assert numbers[:3] == [1, 0, 2] and relay.lost == 0


def test_a_relay_knows_when_the_source_went_on_after_a_pause():
    relay = Relay()
    for number, at_ms in enumerate((0, 10, 20, 300, 310)):
        relay.take(batch(number), 10**9 + at_ms * MS)
        if at_ms == 20:
            assert relay.went_on_ns == 10**9
    relay.take(replace(batch(5), end_ns=batch(5).start_ns), 2 * 10**9)  # a heartbeat in the next pause
    assert relay.went_on_ns == 10**9 + 300 * MS


def test_a_clock_is_stepped_or_stands_still():
    relay = Relay()
    relay.clock_step_ns = -500 * MS
    relay.take(batch(100), 0)
    [stepped] = relay.due(0)
    assert (stepped.start_ns, stepped.end_ns) == (500 * MS, 510 * MS)
    standing = StandingClock()
    windows = {(each.start_ns, each.end_ns) for number in (3, 4, 5) for _, each in standing(batch(number), 0)}
    assert windows == {(3 * PERIOD_NS, 3 * PERIOD_NS)}


def motion(*distances):
    """A hand of two joints, both at these distances from the open posture, every 10 ms."""
    times = np.arange(len(distances), dtype=np.int64) * PERIOD_NS
    return Motion(times, np.repeat(np.array(distances, float)[:, None], 2, axis=1))


def test_a_hand_is_safe_as_soon_as_it_is_seen_to_open():
    opens = [0.5, 0.8, 0.9, 0.9, 0.88, 0.84, 0.7, 0.3, 0.1, 0.0]
    assert opens_ns(motion(*opens)) == 5 * PERIOD_NS
    assert opens_ns(motion(0.0, 0.0, 0.0)) == 0
    assert opens_ns(motion()) is None


def test_a_hand_that_closes_again_or_never_arrives_is_not_safe():
    assert opens_ns(motion(0.9, 0.5, 0.1, 0.3, 0.1, 0.0)) == 3 * PERIOD_NS
    assert opens_ns(motion(0.9, 0.5, 0.5, 0.9)) is None
    assert opens_ns(motion(0.9, *[0.5] * 120)) is None
    assert opens_ns(motion(0.9, *[0.9] * 20)) is None


def test_a_grip_may_give_way_but_not_close():
    assert not closes_further(motion(0.6, 0.65, 0.7, 0.0))
    assert closes_further(motion(0.6, 0.7, 0.9))


def test_commands_say_when_safe_began_and_ended():
    modes = [HandMode.HOLD, HandMode.SAFE, HandMode.SAFE, HandMode.OPEN, HandMode.SAFE]
    commands = [HandCommand(0, 0, mode, 'power', 0.0, '', 300 * at * MS) for at, mode in enumerate(modes)]
    assert first_safe(commands, 0).published_ns == 300 * MS
    assert left_safe_ns(commands, 0) == 900 * MS
    assert left_safe_ns(commands, 900 * MS) is None
    assert first_safe(commands, 700 * MS).published_ns == 600 * MS
    assert left_safe_ns(commands, 700 * MS) == 900 * MS


def test_a_next_trial_begins_with_a_grip_after_an_open_hand():
    modes = [HandMode.OPEN, HandMode.CLOSE, HandMode.SAFE, HandMode.OPEN, HandMode.PRESHAPE, HandMode.CLOSE]
    commands = [HandCommand(0, 0, mode, 'power', 0.0, '', at) for at, mode in enumerate(modes)]
    assert next_trial_ns(commands, 0) == 4
    assert next_trial_ns(commands, -1) == 1
    assert next_trial_ns(commands, 3) == math.inf


def test_a_command_that_another_bridge_undoes_does_not_leave_safe():
    modes = [HandMode.SAFE, HandMode.HOLD] * 5 + [HandMode.HOLD]
    commands = [HandCommand(0, 0, mode, 'power', 0.0, '', 20 * at * MS + 1) for at, mode in enumerate(modes)]
    assert left_safe_ns(commands, 0) == 180 * MS + 1


@pytest.mark.slow
def test_a_few_faults_of_the_running_system(domain_id, tmp_path, monkeypatch):
    pytest.importorskip('rclpy', reason='no ROS 2 in this environment')
    pytest.importorskip('grasp_decoder.msg', reason='the messages are not built: ./run builds them')
    from benchmark import faults, results

    monkeypatch.setattr(results, 'ROOT', tmp_path)
    monkeypatch.setattr(faults, 'FINISHED', tmp_path / 'runs.jsonl')
    asked = [
        '--kinds',
        'two decoders|simulated_hand killed|hand_bridge killed|10 % of batches dropped',
        '--json',
        str(tmp_path / 'out.json'),
    ]
    assert faults.main([*asked, '--runs', '2']) == 0
    assert faults.main([*asked, '--runs', '4', '--continue']) == 0
    result = json.loads((tmp_path / 'out.json').read_text())
    assert (result['runs'], result['recovered_rate'], result['unreported_losses']) == (4, 1.0, 0)
    # how soon each hand was safe depends on the machine, that each was does not
    assert all(run['time_to_safe_ms'] is not None for run in result['each'])
    assert result['time_to_safe_ms'].keys() == {'p50', 'max'}
    assert {run['moment'] for run in result['each']} == {'holding', 'closing', 'open'}

"""The example of a live source sends every spike once, and heartbeats in silence."""

import itertools
import subprocess
import sys
import time
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

EXAMPLES = Path(__file__).resolve().parents[2] / 'examples'


@pytest.fixture
def live_source(monkeypatch):
    pytest.importorskip('rclpy', reason='no ROS 2 in this environment')
    pytest.importorskip('grasp_decoder.msg', reason='the messages are not built: ./run builds them')
    monkeypatch.syspath_prepend(str(EXAMPLES))
    import live_source

    return live_source


def test_batches_follow_one_another_and_hold_every_spike(live_source):
    start_ns = time.monotonic_ns()
    spikes = [(start_ns + 100_000_000 + 7_000_000 * index, index % 3) for index in range(10)]
    sent = list(islice(live_source.live_batches(iter(spikes), 3, period_ns=10_000_000, delay_ns=0), 20))
    assert [batch.sequence for batch in sent] == list(range(20))
    assert [batch.start_ns for batch in sent[1:]] == [batch.end_ns for batch in sent[:-1]]
    found = [
        (batch.start_ns + int(offset), int(unit)) for batch in sent for unit, offset in zip(batch.unit, batch.offset_ns)
    ]
    assert found == spikes
    assert not sent[0].unit.size
    assert all(np.all(np.diff(batch.offset_ns.astype(np.int64)) >= 0) for batch in sent)


def source(offset_ns, jump_ns=0, rate_hz=2000):
    """Spikes that come when they happen, with times of another clock; it jumps after 0.5 s."""
    start_ns = time.monotonic_ns()
    for number in itertools.count():
        due_ns = start_ns + number * 1_000_000_000 // rate_hz
        time.sleep(max(0, due_ns - time.monotonic_ns()) / 1e9)
        yield due_ns + offset_ns + (jump_ns if number > rate_hz // 2 else 0), 0


@pytest.mark.parametrize(
    'offset_ns, jump_ns', [(-280_000_000, 0), (5_000_000_000, 0), (0, 200_000 * 10**9), (0, -(10**9))]
)
def test_a_wrong_clock_ends_the_batches(live_source, caplog, offset_ns, jump_ns):
    sent = list(islice(live_source.live_batches(source(offset_ns, jump_ns), 1, 10_000_000, 50_000_000), 400))
    assert len(sent) < 400
    assert 'left out so far' in caplog.text and 'no more batches: too many spikes are left out' in caplog.text
    # Nothing is kept for times that do not come.
    assert all(len(batch.unit) < 200 for batch in sent)


def test_a_right_clock_goes_on(live_source, caplog):
    sent = list(islice(live_source.live_batches(source(0), 1, 10_000_000, 50_000_000), 200))
    assert len(sent) == 200 and sum(len(batch.unit) for batch in sent) > 3000


def test_a_source_that_ends_is_not_a_brain_at_rest(live_source, caplog):
    batches = list(live_source.live_batches(iter([]), 1, 10_000_000, 0))
    assert len(batches) < 50 and 'the source has ended' in caplog.text


@pytest.mark.slow
def test_a_listener_hears_the_example(node, spin_until):
    from grasp_decoder.nodes.topics import subscribe
    from grasp_decoder.system.interfaces import SPIKES

    heard = []
    subscribe(node, SPIKES, heard.append)
    process = subprocess.Popen([sys.executable, str(EXAMPLES / 'live_source.py'), '--units', '20'])
    try:
        assert spin_until(lambda: len(heard) >= 50)
    finally:
        process.terminate()
        process.wait(10)
    assert [message.sequence for message in heard] == list(range(heard[0].sequence, heard[-1].sequence + 1))
    assert all(message.unit_count == 20 and max(message.unit, default=0) < 20 for message in heard)
    assert sum(len(message.unit) for message in heard) > 0

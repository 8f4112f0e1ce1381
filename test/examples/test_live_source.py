"""The example of a live source sends every spike once, and heartbeats in silence."""

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
    spikes = [(start_ns + 20_000_000 + 7_000_000 * index, index % 3) for index in range(10)]
    sent = list(islice(live_source.live_batches(iter(spikes), 3, period_ns=10_000_000, delay_ns=0), 12))
    assert [batch.sequence for batch in sent] == list(range(12))
    assert [batch.start_ns for batch in sent[1:]] == [batch.end_ns for batch in sent[:-1]]
    found = [
        (batch.start_ns + int(offset), int(unit)) for batch in sent for unit, offset in zip(batch.unit, batch.offset_ns)
    ]
    assert found == spikes
    assert not sent[0].unit.size
    assert all(np.all(np.diff(batch.offset_ns.astype(np.int64)) >= 0) for batch in sent)


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

"""Publish spikes as an acquisition system would: the source for `source:=live`.

Any iterator of (time in ns, unit) will do, as long as its times are of CLOCK_MONOTONIC; here it is a made-up
population. docs/sources.md tells how Open Ephys, Blackrock and LSL plug in, and how to convert their clocks.

    ./run python examples/live_source.py --units 96
"""

import argparse
import collections
import logging
import queue
import random
import threading
import time

import numpy as np
import rclpy
from rclpy.executors import ExternalShutdownException

from grasp_decoder.nodes.conversion import spike_batch_message
from grasp_decoder.nodes.topics import advertise
from grasp_decoder.system.interfaces import SPIKES
from grasp_decoder.system.network import stay_on_this_machine
from grasp_decoder.types.spike_batch import SpikeBatch

LOOKED_AT_BATCHES = 100
MOST_LEFT_OUT = 0.2
FURTHEST_AHEAD_NS = 1_000_000_000
MOST_WAITING = 100_000
log = logging.getLogger('live_source')


def made_up_spikes(units, rate_hz):
    """Endless Poisson spikes; like an amplifier, it gives each one when it happens."""
    time_ns = time.monotonic_ns()
    while True:
        time_ns += round(random.expovariate(units * rate_hz) * 1e9)
        time.sleep(max(0, time_ns - time.monotonic_ns()) / 1e9)
        yield time_ns, random.randrange(units)


class SpikeCount:
    """How many spikes of the last batches were sent, and how many came too late or lie too far ahead for that."""

    def __init__(self):
        self.late = self.ahead = self.sent = 0
        self._recent = collections.deque(maxlen=LOOKED_AT_BATCHES)
        self._told_s = 0.0

    def add(self, sent, late, ahead):
        """Take the numbers of one more batch, and warn of spikes that are left out, once a second."""
        self.sent, self.late, self.ahead = self.sent + sent, self.late + late, self.ahead + ahead
        self._recent.append((sent, late + ahead))
        if late + ahead and time.monotonic() - self._told_s > 1:
            self._told_s = time.monotonic()
            log.warning(
                'left out so far: %d late spikes, %d from the future; sent: %d', self.late, self.ahead, self.sent
            )

    @property
    def clock_is_wrong(self):
        """Whether so many are left out that the rest would be mistaken for a brain at rest."""
        sent, left_out = (sum(column) for column in zip(*self._recent))
        enough = len(self._recent) >= LOOKED_AT_BATCHES // 2 and left_out >= 5
        return enough and left_out > MOST_LEFT_OUT * (sent + left_out)


def live_batches(spikes, unit_count, period_ns, delay_ns):
    """Cut endless spikes into one batch per period, each sent ``delay_ns`` after its end.

    The delay is what the acquisition system takes to deliver a spike. Silence gives empty batches: they tell the
    decoder that the source lives. A spike that comes later than the delay is too late for its batch, and one whose time
    lies more than a second ahead is of another clock: they are left out, counted and warned about. When a fifth of the
    last second is left out, or the source has ended, no more batches come. The hand then goes to its safe state.
    """
    arrived, ended = queue.Queue(MOST_WAITING), threading.Event()

    def receive():
        try:
            for spike in spikes:
                arrived.put(spike)
        finally:
            ended.set()

    threading.Thread(target=receive, daemon=True).start()
    start_ns, sequence, waiting, count, quiet = time.monotonic_ns(), 0, [], SpikeCount(), 0
    while True:
        end_ns = start_ns + period_ns
        time.sleep(max(0, end_ns + delay_ns - time.monotonic_ns()) / 1e9)
        over = ended.is_set()  # asked before the last spikes are taken
        came = [arrived.get() for _ in range(arrived.qsize())]
        waiting += [spike for spike in came if start_ns <= spike[0] < end_ns + FURTHEST_AHEAD_NS]
        ahead = sum(spike[0] >= end_ns + FURTHEST_AHEAD_NS for spike in came)
        late = sum(spike[0] < start_ns for spike in came)
        inside = sorted(spike for spike in waiting if spike[0] < end_ns)
        waiting = [spike for spike in waiting if spike[0] >= end_ns]
        count.add(len(inside), late, ahead)
        quiet = quiet + 1 if over and not waiting else 0
        if count.clock_is_wrong:
            log.error('no more batches: too many spikes are left out; are their times of CLOCK_MONOTONIC?')
            return
        if quiet > LOOKED_AT_BATCHES // 4:
            log.error('no more batches: the source has ended')
            return
        window = np.array(inside, np.int64).reshape(-1, 2)
        yield SpikeBatch(
            sequence=sequence,
            segment=0,
            start_ns=start_ns,
            end_ns=end_ns,
            unit_count=unit_count,
            unit=window[:, 1].astype(np.uint16),
            offset_ns=(window[:, 0] - start_ns).astype(np.uint32),
            due_ns=end_ns,
        )
        start_ns, sequence = end_ns, sequence + 1


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--units', type=int, default=96, help='as many as the bundle decodes; default %(default)s')
    parser.add_argument('--rate', type=float, default=10.0, help='of each unit, in Hz; default %(default)s')
    parser.add_argument('--period-ms', type=float, default=10.0, help='of a batch; default %(default)s')
    parser.add_argument('--delay-ms', type=float, default=2.0, help='of the acquisition; default %(default)s')
    arguments = parser.parse_args(argv)
    stay_on_this_machine()
    rclpy.init()
    try:
        publisher = advertise(rclpy.create_node('live_source'), SPIKES)
        spikes = made_up_spikes(arguments.units, arguments.rate)
        periods = round(arguments.period_ms * 1e6), round(arguments.delay_ms * 1e6)
        for batch in live_batches(spikes, arguments.units, *periods):
            if not rclpy.ok():
                break
            publisher.publish(spike_batch_message(batch, 'live'))
        else:
            return 1
    except (KeyboardInterrupt, ExternalShutdownException):
        pass
    finally:
        rclpy.try_shutdown()
    return 0


if __name__ == '__main__':
    raise SystemExit(main())

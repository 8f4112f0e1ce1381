"""Publish spikes as an acquisition system would: the source for `source:=live`.

Any iterator of (time in ns, unit) will do, as long as its times are of CLOCK_MONOTONIC; here it is a made-up
population. docs/sources.md tells how Open Ephys, Blackrock and LSL plug in, and how to convert their clocks.

    ./run python examples/live_source.py --units 96
"""

import argparse
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
from grasp_decoder.types.spike_batch import SpikeBatch


def made_up_spikes(units, rate_hz):
    """Endless Poisson spikes; like an amplifier, it gives each one when it happens."""
    time_ns = time.monotonic_ns()
    while True:
        time_ns += round(random.expovariate(units * rate_hz) * 1e9)
        time.sleep(max(0, time_ns - time.monotonic_ns()) / 1e9)
        yield time_ns, random.randrange(units)


def live_batches(spikes, unit_count, period_ns, delay_ns):
    """Cut endless spikes into one batch per period, each sent ``delay_ns`` after its end.

    The delay is what the acquisition system takes to deliver a spike. Silence gives empty batches: they tell the
    decoder that the source lives. A spike that comes later than the delay is too late for its batch and is left out.
    """
    arrived = queue.SimpleQueue()
    threading.Thread(target=lambda: [arrived.put(spike) for spike in spikes], daemon=True).start()
    start_ns, sequence, waiting = time.monotonic_ns(), 0, []
    while True:
        end_ns = start_ns + period_ns
        time.sleep(max(0, end_ns + delay_ns - time.monotonic_ns()) / 1e9)
        waiting += [arrived.get() for _ in range(arrived.qsize())]
        inside = sorted(spike for spike in waiting if start_ns <= spike[0] < end_ns)
        window = np.array(inside, np.int64).reshape(-1, 2)
        waiting = [spike for spike in waiting if spike[0] >= end_ns]
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
    rclpy.init()
    try:
        publisher = advertise(rclpy.create_node('live_source'), SPIKES)
        spikes = made_up_spikes(arguments.units, arguments.rate)
        periods = round(arguments.period_ms * 1e6), round(arguments.delay_ms * 1e6)
        for batch in live_batches(spikes, arguments.units, *periods):
            if not rclpy.ok():
                break
            publisher.publish(spike_batch_message(batch, 'live'))
    except (KeyboardInterrupt, ExternalShutdownException):
        pass
    finally:
        rclpy.try_shutdown()


if __name__ == '__main__':
    main()

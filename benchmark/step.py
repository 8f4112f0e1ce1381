# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""One decode step: close a bin, run all networks, build the message; back to back, and every 40 ms as in real life.

After a pause of 40 ms the first pass through code and weights finds nothing of them in the CPU's caches. The decoder
node therefore warms up a moment before a bin is due (docs/realtime.md); this shows what that is worth.
"""

from __future__ import annotations

import argparse
import gc
import time

import matplotlib.pyplot as plt
import numpy as np

from benchmark.material import add_arguments, given_or_trained
from benchmark.results import print_table, write_results
from grasp_decoder.bundle.bundle import load_bundle
from grasp_decoder.bundle.engines.bundle_engines import BundleEngines, EngineOptions
from grasp_decoder.cli.command_line import exit_status
from grasp_decoder.decoding.streaming import StreamingDecoder
from grasp_decoder.decoding.warm_up import WarmUpDecoder
from grasp_decoder.nodes.conversion import decoded_grasp_message
from grasp_decoder.nodes.receiver import WARM_UP_BEFORE_NS
from grasp_decoder.recording.batches import batches
from grasp_decoder.recording.reading import read_session
from grasp_decoder.types.time import NS_PER_S

WARM_UP = 25
BACK_TO_BACK, PAUSED, WARM = 'back to back', 'every bin', 'every bin, warmed up'


def main(argv=None) -> int:
    return exit_status(_step, argv)


def _step(argv) -> int:
    parser = argparse.ArgumentParser(prog='step', description=__doc__.split('\n')[0])
    add_arguments(parser)
    parser.add_argument(
        '--bins', type=int, default=750, metavar='N', help='bins to time in each way (default: %(default)s)'
    )
    arguments = parser.parse_args(argv)
    session, bundle = given_or_trained(arguments)
    decoder = StreamingDecoder(BundleEngines(load_bundle(bundle), EngineOptions(backend='cpu')))
    stream = list(batches(read_session(session), round(arguments.batch_ms * 1e6)))
    gc.collect()
    gc.disable()
    times = {way: _times(decoder, stream, arguments.bins, way) for way in (BACK_TO_BACK, PAUSED, WARM)}
    gc.enable()
    header = ('one decode step', 'p50 us', 'p99 us', 'p99.9 us')
    rows = [
        (way, *(round(float(np.percentile(each, rank)) / 1e3, 1) for rank in (50, 99, 99.9)))
        for way, each in times.items()
    ]
    print_table(header, rows)
    write_results('step', {'bins': arguments.bins, 'steps': [dict(zip(header, row)) for row in rows]}, _figure(times))
    return 0


def _times(decoder: StreamingDecoder, stream: list, bins: int, way: str) -> np.ndarray:
    """Nanoseconds of the pushes that close a bin, message included."""
    decoder.reset()
    warm_up = WarmUpDecoder(decoder)
    bin_ns = decoder.bundle.manifest.bin_ns
    segment, origin_ns, times = None, 0, []
    while len(times) < WARM_UP + bins:
        for batch in stream:
            if batch.segment != segment:
                segment, origin_ns = batch.segment, batch.start_ns
            due_ns = time.monotonic_ns() + batch.end_ns - batch.start_ns
            if way == WARM and (batch.end_ns - origin_ns) % bin_ns == 0:
                _sleep_until(due_ns - WARM_UP_BEFORE_NS)
                decoded_grasp_message(warm_up.decode(), '')
            if way != BACK_TO_BACK:
                _sleep_until(due_ns)
            start_ns = time.monotonic_ns()
            decodes = decoder.push(batch)
            for decode in decodes:
                decoded_grasp_message(decode, '')
            if decodes:
                times.append(time.monotonic_ns() - start_ns)
        decoder.reset()
    return np.array(times[WARM_UP : WARM_UP + bins])


def _sleep_until(time_ns: int) -> None:
    time.sleep(max(0, time_ns - time.monotonic_ns()) / NS_PER_S)


def _figure(times: dict[str, np.ndarray]):
    figure, axes = plt.subplots(figsize=(6, 4))
    for way, each in times.items():
        axes.loglog(np.sort(each) / 1e3, 1 - np.arange(len(each)) / len(each), label=way)
    axes.set(xlabel='one decode step (us)', ylabel='share of steps that took longer')
    axes.legend()
    figure.tight_layout()
    return figure


if __name__ == '__main__':
    raise SystemExit(main())

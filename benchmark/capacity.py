# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Capacity: how many units at which rate in batches of 1 ms until bins come late or data is lost; and full speed.

A point holds when no batch is lost, no bin is missed, and 99 of 100 bins lead to a command within one bin.
"""

from __future__ import annotations

import argparse

import matplotlib.pyplot as plt
import numpy as np

from benchmark.graph import run_graph
from benchmark.material import noise, trained
from benchmark.results import print_table, summary_ms, write_results
from grasp_decoder.bundle.bundle import load_bundle
from grasp_decoder.bundle.engines.bundle_engines import BundleEngines, EngineOptions
from grasp_decoder.cli.command_line import exit_status
from grasp_decoder.decoding.streaming import StreamingDecoder
from grasp_decoder.recording.batches import batches
from grasp_decoder.recording.reading import read_session

BATCH_MS = 1.0
BIN_MS = 40.0
FULL_SPEED_BATCH_MS = 40.0


def main(argv=None) -> int:
    return exit_status(_capacity, argv)


def _capacity(argv) -> int:
    parser = argparse.ArgumentParser(prog='capacity', description=__doc__.split('\n')[0])
    parser.add_argument(
        '--units',
        type=int,
        nargs='+',
        default=[256, 512, 1024],
        metavar='N',
        help='numbers of units to try (default: 256 512 1024)',
    )
    parser.add_argument(
        '--rate', type=float, default=20.0, metavar='N', help='rate per unit to begin with, Hz (default: %(default)s)'
    )
    parser.add_argument(
        '--doublings', type=int, default=3, metavar='N', help='how often at most (default: %(default)s)'
    )
    parser.add_argument(
        '--seconds', type=float, default=10.0, metavar='S', help='length of each try (default: %(default)s)'
    )
    arguments = parser.parse_args(argv)
    points = []
    for units in arguments.units:
        for doubling in range(arguments.doublings + 1):
            points.append(_point(units, arguments.rate * 2**doubling, arguments.seconds))
            if not points[-1]['holds']:
                break
    columns = tuple(points[0])
    print_table(columns, [tuple(point.values()) for point in points])
    full_speed = _full_speed(arguments.units[-1])
    print(
        f'full speed, {full_speed["units"]} units: {full_speed["times_real_time"]:.0f} x real time, '
        f'{full_speed["equal_to_offline"]} of {full_speed["bins"]} decodes equal to offline'
    )
    write_results('capacity', {'batch_ms': BATCH_MS, 'points': points, 'full_speed': full_speed}, _figure(points))
    return 0 if full_speed['equal_to_offline'] == full_speed['bins'] else 1


def _point(units: int, rate_hz: float, seconds: float) -> dict:
    run = run_graph(noise(units, rate_hz, seconds), trained(units)[1], batch_ms=BATCH_MS)
    latency = summary_ms(run.durations['total'])
    return {
        'units': units,
        'rate_hz': rate_hz,
        'spikes_per_s': round(units * rate_hz),
        'lost_batches': run.lost_batches,
        'missed_bins': run.missed_bins,
        'p50_ms': latency['p50'],
        'p99_ms': latency['p99'],
        'holds': not run.lost_batches and not run.missed_bins and latency['p99'] < BIN_MS,
    }


def _full_speed(units: int) -> dict:
    """A whole session as fast as the decoder follows, against the same code offline."""
    path, bundle = trained(units)
    run = run_graph(path, bundle, speed=0, batch_ms=FULL_SPEED_BATCH_MS)
    session = read_session(path)
    decoder = StreamingDecoder(BundleEngines(load_bundle(bundle), EngineOptions(backend='cpu')))
    offline = [decode for batch in batches(session, round(FULL_SPEED_BATCH_MS * 1e6)) for decode in decoder.push(batch)]
    online = {(decode.segment, decode.bin): decode for decode in run.decodes}
    equal = sum(_equal(decode, online.get((decode.segment, decode.bin))) for decode in offline)
    recorded_s = sum(trial.stop_ns - trial.start_ns for trial in session.trials) / 1e9
    took_s = (run.decodes[-1].received_ns - run.decodes[0].received_ns) / 1e9
    return {
        'units': units,
        'bins': len(offline),
        'equal_to_offline': equal,
        'lost_batches': run.lost_batches,
        'times_real_time': round(recorded_s / took_s, 1),
    }


def _equal(offline, online) -> bool:
    return (
        online is not None
        and (offline.phase, offline.object_id) == (online.phase, online.object_id)
        and np.float32(offline.phase_probability) == np.float32(online.phase_probability)
        and np.array_equal(offline.object_probability, np.asarray(online.object_probability, np.float32))
    )


def _figure(points):
    figure, axes = plt.subplots(figsize=(6, 4))
    for units in sorted({point['units'] for point in points}):
        mine = [point for point in points if point['units'] == units]
        rates, latencies = [point['rate_hz'] for point in mine], [point['p99_ms'] for point in mine]
        axes.plot(rates, latencies, 'o-', label=f'{units} units')
        for point in mine:
            if not point['holds']:
                axes.plot(point['rate_hz'], point['p99_ms'], 'kx', markersize=12)
    axes.axhline(BIN_MS, color='gray', linestyle=':')
    axes.set(xlabel='rate per unit (Hz)', ylabel='bin edge to hand command, p99 (ms)', xscale='log', yscale='log')
    axes.legend(title='x: does not hold')
    return figure


if __name__ == '__main__':
    raise SystemExit(main())

# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Soak: the graph at the speed of the recording for a long time, with an exchange of bundles every so often.

Shows what a short run cannot: a bin missed now and then, latency or memory that creeps up, a pause at an exchange.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from benchmark.graph import call, run_graph
from benchmark.material import trained
from benchmark.results import print_table, summary_ms, write_results
from grasp_decoder.cli.command_line import exit_status
from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.system.interfaces import LOAD_BUNDLE

AROUND_EXCHANGE_NS = 2_000_000_000


class _Operator:
    """Exchanges the bundle every so often and notes the memory of each process."""

    def __init__(self, bundles: tuple[Path, Path], every_s: float):
        self._bundles = bundles
        self._every_s = every_s
        self._next = time.monotonic() + every_s
        self.exchanges: list[int] = []
        self.memory_mb: dict[str, list[float]] = {}

    def __call__(self, node, processes) -> None:
        if time.monotonic() < self._next:
            return
        self._next += self._every_s
        self.exchanges.append(time.monotonic_ns())
        response = call(node, LOAD_BUNDLE, bundle=str(self._bundles[len(self.exchanges) % 2]))
        if response is None or not response.success:
            raise GraspDecoderError(f'the bundle was not exchanged: {response and response.message}')
        for name, process in processes.items():
            self.memory_mb.setdefault(name, []).append(_resident_mb(process.pid))


def main(argv=None) -> int:
    return exit_status(_soak, argv)


def _soak(argv) -> int:
    parser = argparse.ArgumentParser(prog='soak', description=__doc__.split('\n')[0])
    parser.add_argument('--minutes', type=float, default=20.0, help='how long (default 20)')
    parser.add_argument('--units', type=int, default=552, help='units (default 552)')
    parser.add_argument(
        '--exchange-every', type=float, default=60.0, metavar='S', help='seconds between exchanges (default 60)'
    )
    parser.add_argument('--priority', type=int, default=0, help='real-time priority of the nodes (default 0: none)')
    arguments = parser.parse_args(argv)
    session, first = trained(arguments.units)
    _, second = trained(arguments.units, seed=1)
    operator = _Operator((first, second), arguments.exchange_every)
    end = time.monotonic() + 60 * arguments.minutes
    run = run_graph(
        session,
        first,
        loop=True,
        priority=arguments.priority,
        until=lambda decodes: time.monotonic() > end,
        meanwhile=operator,
    )
    near = np.zeros(len(run.due_ns), bool)
    for exchange in operator.exchanges:
        near |= abs(run.due_ns - exchange) < AROUND_EXCHANGE_NS
    latency = {'all': summary_ms(run.durations['total'])}
    if near.any():
        latency['within 2 s of an exchange'] = summary_ms(run.durations['total'][near])
    print(
        f'{run.bins} bins, {run.missed_bins} missed, {run.lost_batches} batches lost, '
        f'{len(operator.exchanges)} exchanges, {len(set(run.bundle_sha256))} bundles announced'
    )
    print_table(
        ('bin edge to command, ms', *latency['all']), [(name, *values.values()) for name, values in latency.items()]
    )
    print_table(
        ('resident memory, MB', 'first', 'last'),
        [(name, values[0], values[-1]) for name, values in operator.memory_mb.items()],
    )
    write_results(
        'soak',
        {
            'minutes': arguments.minutes,
            'bins': run.bins,
            'missed_bins': run.missed_bins,
            'lost_batches': run.lost_batches,
            'exchanges': len(operator.exchanges),
            'latency_ms': latency,
            'memory_mb': operator.memory_mb,
        },
        _figure(run, operator),
    )
    return 1 if run.missed_bins or run.lost_batches else 0


def _resident_mb(pid: int) -> float:
    for line in Path(f'/proc/{pid}/status').read_text().splitlines():
        if line.startswith('VmRSS'):
            return round(int(line.split()[1]) / 1024, 1)
    return float('nan')


def _figure(run, operator):
    figure, (latency, memory) = plt.subplots(2, 1, figsize=(9, 6))
    start = run.due_ns[0]
    latency.plot((run.due_ns - start) / 6e10, run.durations['total'] * 1e3, '.', markersize=1)
    for exchange in operator.exchanges:
        latency.axvline((exchange - start) / 6e10, color='gray', linewidth=0.5)
    latency.set(ylabel='bin edge to command (ms)', xlabel='minutes (lines: exchanges)', ylim=(0, None))
    for name, values in operator.memory_mb.items():
        memory.plot(values, label=name)
    memory.set(xlabel='exchange', ylabel='resident memory (MB)', ylim=(0, None))
    memory.legend()
    figure.tight_layout()
    return figure


if __name__ == '__main__':
    raise SystemExit(main())

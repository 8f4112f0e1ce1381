# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Latency from a bin's edge to the hand's command, through three processes at the speed of the recording.

Every stage is measured on CLOCK_MONOTONIC from when the bin's end was due, not from when it was sent: a replayer,
a decoder or a network that falls behind shows.
"""

from __future__ import annotations

import argparse
import itertools
import os
import textwrap
import time
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import rclpy

from benchmark.graph import GraphRun, run_graph
from benchmark.material import add_arguments, add_priority_argument, given_or_trained
from benchmark.results import markdown_table, print_table, summary_ms, write_results, write_section
from grasp_decoder.cli.command_line import exit_status
from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.nodes.receiver import Receiver
from grasp_decoder.nodes.topics import client
from grasp_decoder.recording.reading import read_session
from grasp_decoder.recording.session import Session
from grasp_decoder.system.interfaces import DIAGNOSTICS, LOAD_BUNDLE
from grasp_decoder.system.run_record import STAGES

WHOLE = 3000
"""So many bins, two minutes, are worth a table in the documents."""

WIDTH = 150
EXCHANGE_EVERY_S = 5.0
AROUND_NS = 1_000_000_000


def main(argv=None) -> int:
    return exit_status(_latency, argv)


def _latency(argv) -> int:
    parser = argparse.ArgumentParser(prog='latency', description=__doc__.split('\n')[0])
    add_arguments(parser)
    parser.add_argument(
        '--bins', type=int, default=WHOLE, metavar='N', help='bins to measure (default: %(default)s, two minutes)'
    )
    add_priority_argument(parser)
    beside = parser.add_mutually_exclusive_group()
    beside.add_argument(
        '--source',
        choices=['lsl'],
        help='measure this source too, right after the replayer: another program streams the recording (default: none)',
    )
    beside.add_argument(
        '--exchange',
        type=Path,
        metavar='DIR',
        help=f'a bundle beside that of the run: exchange the two every {EXCHANGE_EVERY_S:g} s, and show bins within '
        f'{AROUND_NS / 1e9:g} s of it (default: none)',
    )
    arguments = parser.parse_args(argv)
    session, bundle = given_or_trained(arguments)

    def measured(**options) -> GraphRun:
        return run_graph(
            session,
            bundle,
            batch_ms=arguments.batch_ms,
            loop=True,
            priority=arguments.priority,
            until=lambda decodes: decodes >= arguments.bins,
            **options,
        )

    run = measured(meanwhile=Exchange((arguments.exchange, bundle)) if arguments.exchange else None)
    results = _reported(run)
    if arguments.exchange:
        results |= _around(run)
        print(f'{results["exchanges"]} exchanges, {results["bins_around"]} bins around them')
        print_table(('stage', *results['around_ms']), [('total', *results['around_ms'].values())])
    if arguments.source:
        print('the same by LSL:')
        arrivals = Arrivals()
        results['lsl'] = _reported(measured(lsl=True, meanwhile=arrivals)) | {'arrivals': arrivals.counts}
        p99s = [each['latency_ms']['total']['p99'] for each in (results, results['lsl'])]
        results['p99_more_ms'] = round(p99s[1] - p99s[0], 3)
        print(', '.join(f'{name}: {value}' for name, value in arrivals.counts.items()))
        print(f'p99 of LSL is {results["p99_more_ms"]:.2f} ms more than that of the replayer')
    write_results('latency', results, _figure(run))
    if arguments.bins >= WHOLE and not arguments.exchange:
        write_section('realtime.md', 'latency', _lines(results, read_session(session)))
    return 0


def _lines(results: dict, session: Session) -> list[str]:
    """What the document says of a run."""
    told = (
        f'{results["bins"]} bins of {session.name}, {session.unit_count} units, in three processes: '
        f'{results["missed_bins"]} missed, {results["lost_batches"]} batches lost. The machine had {os.cpu_count()} '
        f'CPUs and a load average of {os.getloadavg()[0]:.1f} at the end, the benchmark included.'
    )
    stages = [(stage, results['latency_ms'][stage]) for stage in STAGES]
    if 'lsl' in results:
        stages.append(('total, by LSL', results['lsl']['latency_ms']['total']))
    rows = [(name, *(f'{value:.2f}' for value in values.values())) for name, values in stages]
    header = ('bin edge to hand command (ms)', *stages[0][1])
    return [*textwrap.wrap(told, WIDTH), '', *markdown_table(header, rows)]


def _reported(run: GraphRun) -> dict:
    """Print the stages of a run, and give them."""
    stages = {stage: summary_ms(run.durations[stage]) for stage in STAGES}
    print(f'bin edge to hand command, ms, {run.bins} bins, {run.missed_bins} missed, {run.lost_batches} batches lost')
    print_table(('stage', *stages['total']), [(stage, *values.values()) for stage, values in stages.items()])
    return {'bins': run.bins, 'missed_bins': run.missed_bins, 'lost_batches': run.lost_batches, 'latency_ms': stages}


class Arrivals:
    """Keeps what spike_source last said of the spikes that came: how many, how late, and what it left out."""

    def __init__(self):
        self.counts: dict[str, str] = {}
        self._receiver: Receiver | None = None

    def __call__(self, node, processes) -> None:
        self._receiver = self._receiver or Receiver(node, DIAGNOSTICS)
        for message in self._receiver.receive(0):
            for each in message.status:
                if each.name == 'spike_source: system':
                    self.counts = {value.key: value.value for value in each.values}


class Exchange:
    """Has the decoder take another bundle in a running graph, one after the other, for ever."""

    def __init__(self, bundles: tuple[Path, ...]):
        self._bundles = itertools.cycle(bundles)
        self._next_s = time.monotonic() + EXCHANGE_EVERY_S
        self._caller = self._answer = None

    def __call__(self, node, processes) -> None:
        if self._caller is None:
            self._caller = client(node, LOAD_BUNDLE)
            self._executor = rclpy.executors.SingleThreadedExecutor(context=node.context)
            self._executor.add_node(node)
        self._executor.spin_once(timeout_sec=0)
        if time.monotonic() < self._next_s or (self._answer and not self._answer.done()):
            return
        if self._answer and not self._answer.result().success:
            raise GraspDecoderError(self._answer.result().message)
        self._answer = self._caller.call_async(self._caller.srv_type.Request(bundle=str(next(self._bundles))))
        self._next_s = time.monotonic() + EXCHANGE_EVERY_S


def _around(run: GraphRun) -> dict:
    """Latency of the bins around each exchange, which show in the decodes as another bundle."""
    exchanges = np.array(
        [later.due_ns for earlier, later in itertools.pairwise(run.decodes) if later.bundle != earlier.bundle]
    )
    if not len(exchanges):
        raise GraspDecoderError('no bundle was exchanged: let the run take longer (--bins)')
    near = (np.abs(run.due_ns[:, np.newaxis] - exchanges) <= AROUND_NS).any(axis=1)
    return {
        'exchanges': len(exchanges),
        'bins_around': int(near.sum()),
        'around_ms': summary_ms(run.durations['total'][near]),
    }


def _figure(run):
    figure, (over_time, distribution) = plt.subplots(1, 2, figsize=(11, 4))
    seconds = (run.due_ns - run.due_ns[0]) / 1e9
    over_time.plot(seconds, run.durations['total'] * 1e3, '.', markersize=2)
    over_time.set(xlabel='time (s)', ylabel='bin edge to hand command (ms)', ylim=(0, None))
    for stage in STAGES:
        values = np.sort(run.durations[stage]) * 1e3
        distribution.semilogy(values, 1 - np.arange(len(values)) / len(values), label=stage)
    distribution.set(xlabel='duration (ms)', ylabel='share of bins that took longer')
    distribution.legend()
    figure.tight_layout()
    return figure


if __name__ == '__main__':
    raise SystemExit(main())

"""Latency from a bin's edge to the hand's command, through three processes at the speed of the recording.

Every stage is measured on CLOCK_MONOTONIC from when the bin's end was due, not from when it was sent: a replayer,
a decoder or a network that falls behind shows.
"""

from __future__ import annotations

import argparse

import matplotlib.pyplot as plt
import numpy as np

from benchmark.graph import run_graph
from benchmark.material import add_arguments, given_or_trained
from benchmark.results import print_table, summary_ms, write_results
from grasp_decoder.cli.command_line import exit_status
from grasp_decoder.system.run_record import STAGES


def main(argv=None) -> int:
    return exit_status(_latency, argv)


def _latency(argv) -> int:
    parser = argparse.ArgumentParser(prog='latency', description=__doc__.split('\n')[0])
    add_arguments(parser)
    parser.add_argument('--bins', type=int, default=3000, help='bins to measure (default 3000, two minutes)')
    parser.add_argument('--priority', type=int, default=0, help='real-time priority of the nodes (default 0: none)')
    arguments = parser.parse_args(argv)
    session, bundle = given_or_trained(arguments)
    run = run_graph(
        session,
        bundle,
        batch_ms=arguments.batch_ms,
        loop=True,
        priority=arguments.priority,
        until=lambda decodes: decodes >= arguments.bins,
    )
    stages = {stage: summary_ms(run.durations[stage]) for stage in STAGES}
    print(f'bin edge to hand command, ms, {run.bins} bins, {run.lost_batches} batches lost')
    print_table(('stage', *stages['total']), [(stage, *values.values()) for stage, values in stages.items()])
    write_results(
        'latency',
        {'bins': run.bins, 'missed_bins': run.missed_bins, 'lost_batches': run.lost_batches, 'latency_ms': stages},
        _figure(run),
    )
    return 0


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

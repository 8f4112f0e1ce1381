# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""The same graph over ROS 2 and over Redis streams, in turn on the same machine: bin edge to hand command.

BRAND (Ali et al. 2024, J. Neural Eng.) builds closed-loop neuroscience on Redis; this shows what the choice costs.
"""

from __future__ import annotations

import argparse

import matplotlib.pyplot as plt
import numpy as np

from benchmark.graph import GraphRun, run_graph
from benchmark.material import add_arguments, given_or_trained
from benchmark.redis_graph import run_redis_graph
from benchmark.results import print_table, summary_ms, write_results
from grasp_decoder.cli.command_line import exit_status


def main(argv=None) -> int:
    return exit_status(_compare, argv)


def _compare(argv) -> int:
    parser = argparse.ArgumentParser(prog='redis', description=__doc__.split('\n')[0])
    add_arguments(parser)
    parser.add_argument(
        '--bins', type=int, default=1000, metavar='N', help='bins to measure in each run (default: %(default)s)'
    )
    parser.add_argument(
        '--rounds', type=int, default=2, metavar='N', help='how often each is run, in turn (default: %(default)s)'
    )
    arguments = parser.parse_args(argv)
    session, bundle = given_or_trained(arguments)
    runs = {'ros': [], 'redis': []}
    for number in range(arguments.rounds):
        print(f'round {number + 1} of {arguments.rounds}: ROS 2, then Redis', flush=True)
        runs['ros'].append(
            run_graph(
                session, bundle, batch_ms=arguments.batch_ms, loop=True, until=lambda decodes: decodes >= arguments.bins
            )
        )
        runs['redis'].append(run_redis_graph(session, bundle, bins=arguments.bins, batch_ms=arguments.batch_ms))
    totals = {name: np.concatenate([run.durations['total'] for run in of]) for name, of in runs.items()}
    latency = {name: summary_ms(total) for name, total in totals.items()}
    ratio = {rank: round(latency['ros'][rank] / latency['redis'][rank], 3) for rank in latency['ros']}
    print('bin edge to hand command, ms')
    print_table(
        ('', *ratio),
        [
            ('ROS 2', *latency['ros'].values()),
            ('Redis streams', *latency['redis'].values()),
            ('ratio', *ratio.values()),
        ],
    )
    write_results(
        'redis',
        {
            'bins': {name: len(total) for name, total in totals.items()},
            'latency_ms': latency,
            'ratio': ratio,
            'missed_bins': _summed(runs, 'missed_bins'),
            'lost_batches': _summed(runs, 'lost_batches'),
        },
        _figure(totals),
    )
    return 0


def _summed(runs: dict[str, list[GraphRun]], name: str) -> dict[str, int]:
    return {graph: sum(getattr(run, name) for run in of) for graph, of in runs.items()}


def _figure(totals: dict[str, np.ndarray]):
    figure, axes = plt.subplots(figsize=(6, 4))
    for name, label in (('ros', 'ROS 2'), ('redis', 'Redis streams')):
        values = np.sort(totals[name]) * 1e3
        axes.semilogy(values, 1 - np.arange(len(values)) / len(values), label=label)
    axes.set(xlabel='bin edge to hand command (ms)', ylabel='share of bins that took longer', xlim=(0, None))
    axes.legend()
    return figure


if __name__ == '__main__':
    raise SystemExit(main())

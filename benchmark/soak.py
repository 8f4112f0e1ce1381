# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Soak: the system for a long time, with an exchange of bundles every so often. What creeps up, or is lost?

Shows what a short run cannot: memory and open files that grow, latency that drifts, a bin missed now and then, a pause
at an exchange. Source, decoder, hand_bridge and the simulated hand are real.
"""

from __future__ import annotations

import argparse
import math
import os
import textwrap
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from scipy.stats import theilslopes

from benchmark.graph import PATIENCE_S, GraphRun, call, run_graph
from benchmark.material import add_arguments, add_priority_argument, given_or_trained
from benchmark.results import (
    ROOT,
    markdown_table,
    parsed_with_json,
    print_table,
    summary_ms,
    write_results,
    write_section,
)
from grasp_decoder.bundle.bundle import load_bundle
from grasp_decoder.cli.command_line import exit_status
from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.recording.reading import read_session
from grasp_decoder.safe_file import write_json
from grasp_decoder.system.interfaces import LOAD_BUNDLE
from grasp_decoder.types.decoded_grasp import DecodedGrasp
from grasp_decoder.types.time import NS_PER_MS, NS_PER_S

AROUND_EXCHANGE_NS = 2_000_000_000
SAMPLED_EVERY_S = 10.0
SETTLED_AFTER_MIN = 10.0
"""Growth is counted from here on, in a run of at least twice that; caches and pools are full by then."""

PARTS = 5
"""Of the run, each with a latency of its own."""

WIDTH = 150
"""Of prose in docs/."""

IMAGES = ROOT / 'docs' / 'images'


@dataclass(frozen=True)
class Sample:
    """The system at one moment.

    Attributes:
        minute: since the start.
        load: the machine's load average over the last minute.
        memory_mb: resident memory of each node, without the files that it maps.
        files: open file descriptors of each node.
    """

    minute: float
    load: float
    memory_mb: dict[str, float]
    files: dict[str, int]


class _Operator:
    """Exchanges the bundle every so often and takes a sample every ten seconds."""

    def __init__(self, bundle: Path, every_s: float):
        self._bundle = bundle
        self._every_s = every_s
        self.start_s = time.monotonic()
        self._exchange = self.start_s + every_s
        self._sample = self.start_s
        self.exchanges: list[int] = []
        self.unanswered = 0
        self.samples: list[Sample] = []

    def __call__(self, node, processes) -> None:
        now = time.monotonic()
        if now >= self._sample:
            self._sample += SAMPLED_EVERY_S
            pids = {name: process.pid for name, process in processes.items() if process.poll() is None}
            memory, files = ({name: f(pid) for name, pid in pids.items()} for f in (_own_mb, _open_files))
            self.samples.append(Sample((now - self.start_s) / 60, os.getloadavg()[0], memory, files))
        if now >= self._exchange:
            self._exchange += self._every_s
            self.exchanges.append(time.monotonic_ns())
            response = call(node, LOAD_BUNDLE, bundle=str(self._bundle))
            if response is None:  # a busy machine may take longer; the decoder goes on all the same
                self.unanswered += 1
            elif not response.success:
                raise GraspDecoderError(f'the bundle was not exchanged: {response.message}')


def main(argv=None) -> int:
    return exit_status(_soak, argv)


def _soak(argv) -> int:
    parser = argparse.ArgumentParser(prog='soak', description=__doc__.split('\n')[0])
    parser.add_argument('--minutes', type=float, default=60.0, metavar='N', help='how long (default: %(default)s)')
    parser.add_argument('--speed', type=float, default=1.0, metavar='F', help='of the replay (default: %(default)s)')
    parser.add_argument(
        '--exchange-every', type=float, default=60.0, metavar='S', help='between exchanges (default: %(default)s)'
    )
    add_priority_argument(parser)
    add_arguments(parser)
    arguments = parsed_with_json(parser, argv)
    session, bundle = given_or_trained(arguments)
    operator = _Operator(bundle, arguments.exchange_every)
    end = time.monotonic() + 60 * arguments.minutes
    run = run_graph(
        session,
        bundle,
        batch_ms=arguments.batch_ms,
        speed=arguments.speed,
        loop=True,
        priority=arguments.priority,
        more={'simulated_hand': {'speed': arguments.speed}},
        until=lambda decodes: time.monotonic() > end,
        meanwhile=operator,
    )
    bin_ns = round(load_bundle(bundle).manifest.bin_s * NS_PER_S)
    trial_bins = [(trial.stop_ns - trial.start_ns) // bin_ns for trial in read_session(session).trials]
    result = {
        'minutes': arguments.minutes,
        'speed': arguments.speed,
        **summarize_soak(run, trial_bins, bin_ns, arguments.batch_ms * NS_PER_MS, operator),
    }
    _print(result)
    figure = _figure(run, operator)
    write_results('soak', {**result, 'samples': [asdict(each) for each in operator.samples]}, figure)
    if arguments.json:
        write_json(arguments.json, result)
    if arguments.minutes >= 2 * SETTLED_AFTER_MIN:
        _write_page(result, figure)
    return 1 if result['unreported_losses'] else 0


def summarize_soak(
    run: GraphRun, trial_bins: Sequence[int], bin_ns: int, batch_ns: float, operator: _Operator
) -> dict[str, Any]:
    """What a soak shows; latencies in ms, memory in MB, growth in MB an hour.

    Args:
        run: of the graph.
        trial_bins: whole bins of each trial of the session; the replay loops over them.
        bin_ns: length of a bin.
        batch_ns: length of a batch.
        operator: who looked at the system meanwhile.
    """
    near = np.zeros(len(run.due_ns), bool)
    for exchange in operator.exchanges:
        near |= abs(run.due_ns - exchange) < AROUND_EXCHANGE_NS
    totals = run.durations['total']
    parts = np.array_split(np.arange(len(totals)), PARTS)
    settled = [each for each in operator.samples if each.minute >= _settled_after(operator.samples)]
    names = sorted(set.intersection(*(set(each.memory_mb) for each in settled)))
    return {
        'bins': run.bins,
        'data_h': round(run.bins * bin_ns / NS_PER_S / 3600, 3),
        'missed_bins': run.missed_bins,
        'lost_batches': run.lost_batches,
        'unreported_losses': unreported_losses(run.decodes, trial_bins, batch_ns / bin_ns),
        'exchanges': len(operator.exchanges),
        'unanswered_exchanges': operator.unanswered,
        'latency_ms': summary_ms(totals),
        'latency_ms_near_exchange': summary_ms(totals[near]) if near.any() else None,
        'latency_ms_by_part': [summary_ms(totals[part]) for part in parts],
        'load_by_part': [_load(operator, run.due_ns[part]) for part in parts],
        'load': [
            round(float(np.percentile([each.load for each in operator.samples], rank)), 1) for rank in (0, 50, 100)
        ],
        'nodes': {
            name: {
                'memory_mb': [settled[0].memory_mb[name], settled[-1].memory_mb[name]],
                'growth_mb_h': growth_mb_h([(each.minute, each.memory_mb[name]) for each in settled]),
                'files': [settled[0].files[name], settled[-1].files[name]],
            }
            for name in names
        },
    }


def _load(operator: _Operator, due_ns: np.ndarray) -> float:
    """Median load average while these bins were due."""
    first, last = (float(edge) / NS_PER_S / 60 - operator.start_s / 60 for edge in due_ns[[0, -1]])
    loads = [each.load for each in operator.samples if first <= each.minute <= last]
    return round(float(np.median(loads)), 1) if loads else float('nan')


def _settled_after(samples: Sequence[Sample]) -> float:
    return min(SETTLED_AFTER_MIN, samples[-1].minute / 2)


def growth_mb_h(memory: Sequence[tuple[float, float]]) -> float:
    """Slope of (minute, MB) in MB an hour: the median over all pairs (Theil and Sen); a step does not move it."""
    minutes, sizes = np.array(memory).T
    return round(float(theilslopes(sizes, minutes).slope) * 60, 2) if len(minutes) > 1 else 0.0


def unreported_losses(decodes: Sequence[DecodedGrasp], trial_bins: Sequence[int], batch_bins: float) -> int:
    """Bins that were not decoded, and that no batch which the decoder counts as lost explains.

    A decode may tell of a loss before the gap that it makes: at the start of a segment, bins are missing at its end.

    Args:
        decodes: in the order of arrival.
        trial_bins: whole bins of each trial; the segments loop over the trials.
        batch_bins: length of a batch, in bins.
    """
    firsts = np.cumsum([0, *trial_bins])

    def place(decode: DecodedGrasp) -> int:
        loops, trial = divmod(decode.segment, len(trial_bins))
        return loops * int(firsts[-1]) + int(firsts[trial]) + decode.bin

    unreported = explained = 0
    for before, after in pairwise(decodes):
        told = (after.lost_batches - before.lost_batches) * (math.ceil(batch_bins) + 1)
        missing = place(after) - place(before) - 1
        unreported += max(0, missing - explained - told)
        left = max(0, explained + told - missing)
        explained = left if after.segment == before.segment else min(left, told)
    return unreported


def _own_mb(pid: int) -> float:
    """Resident memory without the files that are mapped: a recording is, and the system takes its pages back."""
    lines = Path(f'/proc/{pid}/status').read_text().splitlines()
    return round(sum(int(line.split()[1]) for line in lines if line.startswith(('RssAnon', 'RssShmem'))) / 1024, 1)


def _open_files(pid: int) -> int:
    return len(os.listdir(f'/proc/{pid}/fd'))


def _summary(result: dict[str, Any]) -> str:
    low, middle, high = result['load']
    return (
        f'{result["minutes"]:g} minutes at {result["speed"]:g} times real time, {result["data_h"]:.2f} h of data: '
        f'{result["bins"]} bins, {result["missed_bins"]} missed, {result["lost_batches"]} batches lost, '
        f'{result["unreported_losses"]} bins lost unreported, {result["exchanges"]} exchanges of the bundle, '
        f'{result["unanswered_exchanges"]} of them without an answer in {PATIENCE_S:g} s. '
        f'The machine had {os.cpu_count()} CPUs and a load average of {low} to {high}, median {middle}.'
    )


def _latencies(result: dict[str, Any]) -> list[tuple[str, ...]]:
    near = result['latency_ms_near_exchange']
    rows = [
        ('all', result['latency_ms'], result['load'][1]),
        *([('within 2 s of an exchange', near, '')] if near else []),
    ]
    parts = zip(result['latency_ms_by_part'], result['load_by_part'])
    rows += [(f'part {number} of {PARTS}', part, load) for number, (part, load) in enumerate(parts, 1)]
    return [(name, *(f'{value:.2f}' for value in values.values()), f'{load}') for name, values, load in rows]


def _nodes(result: dict[str, Any]) -> list[tuple[str, ...]]:
    return [
        (name, *(f'{size:.1f}' for size in each['memory_mb']), f'{each["growth_mb_h"]:.1f}', *map(str, each['files']))
        for name, each in result['nodes'].items()
    ]


LATENCY_HEADER = ('from the end of a bin to the command (ms)', 'p50', 'p99', 'p99.9', 'max', 'load')
NODES_HEADER = ('node', 'memory settled (MB)', 'at the end (MB)', 'growth (MB/h)', 'files settled', 'at the end')


def _print(result: dict[str, Any]) -> None:
    print(_summary(result))
    print_table(LATENCY_HEADER, _latencies(result))
    print_table(NODES_HEADER, _nodes(result))


def _write_page(result: dict[str, Any], figure: Figure) -> None:
    section = 'soak' if result['speed'] == 1 else 'soak_fast'
    figure.savefig(IMAGES / f'{section}.png', dpi=80, bbox_inches='tight')
    tables = [markdown_table(LATENCY_HEADER, _latencies(result)), markdown_table(NODES_HEADER, _nodes(result))]
    lines = [
        *textwrap.wrap(_summary(result), WIDTH),
        '',
        *tables[0],
        '',
        *tables[1],
        '',
        f'![Latency and memory over time](images/{section}.png)',
        '',
    ]
    write_section('reliability.md', section, lines)


def _figure(run: GraphRun, operator: _Operator) -> Figure:
    """Latency of each bin, and memory of each node, over the minutes."""
    figure, (latency, memory) = plt.subplots(2, 1, figsize=(9, 6), sharex=True)
    minutes = (run.due_ns - run.due_ns[0]) / (60 * NS_PER_S)
    latency.plot(minutes, run.durations['total'] * 1e3, '.', markersize=1, rasterized=True)
    latency.set(ylabel='end of bin to command (ms)', yscale='log')
    for name in operator.samples[0].memory_mb:
        own = [(each.minute, each.memory_mb[name]) for each in operator.samples if name in each.memory_mb]
        memory.plot(*zip(*own), label=name)
    memory.set(xlabel='minutes', ylabel='own memory (MB)', ylim=(0, None))
    memory.legend()
    figure.tight_layout()
    return figure


if __name__ == '__main__':
    raise SystemExit(main())

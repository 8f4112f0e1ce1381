# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Latency of the chain with the operator's page open against the same without, in turns, in one sitting.

With the page, the node viewer runs, and a process takes all that it sends, as a browser on another machine would. With
--chromium a real browser on this machine shows the page; without a graphics card, its drawing takes whole cores.
"""

from __future__ import annotations

import argparse
import multiprocessing
import re
import subprocess
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack

import matplotlib.pyplot as plt
import numpy as np
import viser
from websockets.sync.client import connect

from benchmark.graph import GraphRun, run_graph
from benchmark.material import add_arguments, given_or_trained
from benchmark.results import parsed_with_json, print_table, summary_ms, write_results
from grasp_decoder.cli.command_line import exit_status
from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.page.browser import OPTIONS
from grasp_decoder.page.library import find_browser
from grasp_decoder.safe_file import write_json
from grasp_decoder.system.run_record import STAGES

WITHOUT, WITH = CONDITIONS = 'without', 'with'
SETTLED_NS = 3_000_000_000
"""After the page was opened: a browser takes a while to load it."""


def main(argv=None) -> int:
    return exit_status(_page, argv)


def _page(argv) -> int:
    parser = argparse.ArgumentParser(prog='page', description=__doc__.split('\n')[0])
    add_arguments(parser)
    parser.add_argument(
        '--bins', type=int, default=1500, metavar='N', help='bins of a turn (default: %(default)s, a minute)'
    )
    parser.add_argument('--turns', type=int, default=3, metavar='N', help='turns of each kind (default: %(default)s)')
    parser.add_argument('--chromium', action='store_true', help='open the page in chromium, on this machine')
    arguments = parsed_with_json(parser, argv)
    browser = find_browser() if arguments.chromium else None
    if arguments.chromium and browser is None:
        raise GraspDecoderError('no chromium on this machine: install it, or do without --chromium')
    session, bundle = given_or_trained(arguments)
    runs: dict[str, list[GraphRun]] = {condition: [] for condition in CONDITIONS}
    for turn in range(arguments.turns):
        # Each comes first in turn: what a machine does slowly over minutes favours none.
        for condition in CONDITIONS if turn % 2 == 0 else CONDITIONS[::-1]:
            runs[condition].append(_turn(session, bundle, arguments, condition == WITH, browser))
            last = summary_ms(runs[condition][-1].durations['total'])
            print(f'turn {turn + 1}, {condition} the page: p50 {last["p50"]:.2f}, p99 {last["p99"]:.2f} ms', flush=True)
    results = {
        'bins': {each: sum(len(run.due_ns) for run in runs[each]) for each in CONDITIONS},
        'missed_bins': {each: sum(run.missed_bins for run in runs[each]) for each in CONDITIONS},
        'lost_batches': {each: sum(run.lost_batches for run in runs[each]) for each in CONDITIONS},
        'latency_ms': {
            each: {stage: summary_ms(np.concatenate([run.durations[stage] for run in runs[each]])) for stage in STAGES}
            for each in CONDITIONS
        },
        'turns_p99_ms': {
            each: [summary_ms(run.durations['total'])['p99'] for run in runs[each]] for each in CONDITIONS
        },
        'shown_by': 'chromium' if browser else 'a process that takes all',
    }
    latency = results['latency_ms']
    results['p99_ratio'] = round(latency[WITH]['total']['p99'] / latency[WITHOUT]['total']['p99'], 3)
    print('bin edge to hand command, ms')
    print_table(
        ('page', 'bins', 'missed', *latency[WITH]['total']),
        [
            (each, results['bins'][each], results['missed_bins'][each], *latency[each]['total'].values())
            for each in CONDITIONS
        ],
    )
    print(f'p99 with the page is {results["p99_ratio"]:.2f} times that without')
    if arguments.json:
        write_json(arguments.json, results)
    write_results('page', results, _figure(runs))
    return 0


def _turn(session, bundle, arguments, with_page: bool, browser: str | None) -> GraphRun:
    """One run of the graph; of a run with the page, the bins since it was open."""
    with ExitStack() as stack:
        opened = _Opened(stack, browser) if with_page else None
        run = run_graph(
            session,
            bundle,
            batch_ms=arguments.batch_ms,
            loop=True,
            more={'viewer': {'port': 8500}} if with_page else None,
            until=lambda decodes: (opened.bins(decodes) if opened else decodes) >= arguments.bins,
            meanwhile=opened,
        )
    if opened is None:
        return run
    shown = run.due_ns > opened.settled_ns
    run.durations = {stage: durations[shown] for stage, durations in run.durations.items()}
    run.due_ns = run.due_ns[shown]
    return run


class _Opened:
    """Opens the page once the node viewer has said where it is, until the stack ends."""

    def __init__(self, stack: ExitStack, browser: str | None):
        self._stack, self._browser = stack, browser
        self._before: int | None = None
        self.settled_ns = 0

    def __call__(self, node, processes) -> None:
        if not self.settled_ns and (found := re.search(r'the page: (\S+)', processes['viewer'].log_text())):
            self._stack.callback(_open(found[1], self._browser))
            self.settled_ns = time.monotonic_ns() + SETTLED_NS

    def bins(self, decodes: int) -> int:
        """How many of so many decodes came since the page is shown."""
        if not self.settled_ns or time.monotonic_ns() < self.settled_ns:
            return 0
        self._before = decodes if self._before is None else self._before
        return decodes - self._before


def _open(url: str, browser: str | None) -> Callable[[], None]:
    """Open the page; what ends it is given."""
    if browser is None:
        reader = multiprocessing.get_context('spawn').Process(target=_read, args=(url,), daemon=True)
        reader.start()
        return reader.kill
    profile = tempfile.TemporaryDirectory(prefix='grasp_decoder_bench_', ignore_cleanup_errors=True)
    shown = subprocess.Popen(
        [browser, *OPTIONS, f'--user-data-dir={profile.name}', url],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )

    def close() -> None:
        shown.terminate()
        shown.wait()
        profile.cleanup()

    return close


def _read(url: str) -> None:
    with connect(url.replace('http', 'ws'), subprotocols=[f'viser-v{viser.__version__}'], max_size=None) as socket:
        for _ in socket:
            pass


def _figure(runs: dict[str, list[GraphRun]]):
    figure, axes = plt.subplots(figsize=(6, 4))
    for condition, taken in runs.items():
        values = np.sort(np.concatenate([run.durations['total'] for run in taken])) * 1e3
        axes.semilogy(values, 1 - np.arange(len(values)) / len(values), label=f'{condition} the page')
    axes.set(xlabel='bin edge to hand command (ms)', ylabel='share of bins that took longer')
    axes.legend()
    figure.tight_layout()
    return figure


if __name__ == '__main__':
    raise SystemExit(main())

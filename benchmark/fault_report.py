# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""What a fault campaign found: its table, its figure and ``docs/reliability.md``."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from benchmark.fault_kind import Kind, Outcome
from benchmark.results import ROOT, markdown_table, write_section

PAGE = 'reliability.md'
FIGURE = ROOT / 'docs' / 'images' / 'faults.png'
ALLOWED_MS = 200.0
MOMENTS = ('holding', 'closing', 'open')
"""What the hand does when a fault begins."""


@dataclass(frozen=True)
class Run:
    """What came of one fault.

    Attributes:
        moment: what the hand did when the fault began.
        safe: whether it reached its safe state, or went on where that is expected, and in time.
        time_to_safe_ms: from the detection limit; None where no safe state is expected, or none was reached.
        went_safe: whether SAFE was commanded at all.
        recovered: whether the hand followed again without a restart of another node.
        recovery_s: how long that took from the end of the fault.
        reported: the first words that told of the fault.
        unreported: losses that nothing told of.
    """

    kind: str
    moment: str
    safe: bool
    time_to_safe_ms: float | None
    went_safe: bool
    recovered: bool
    recovery_s: float | None
    reported: str
    unreported: int


def summarize(runs: Sequence[Run]) -> dict:
    """The result: rates 0..1, times in ms from the detection limit, and every run."""
    return {
        'runs': len(runs),
        'safe_rate': float(np.mean([run.safe for run in runs])),
        'time_to_safe_ms': _percentiles(runs),
        'recovered_rate': float(np.mean([run.recovered for run in runs])),
        'unreported_losses': sum(run.unreported for run in runs),
        'each': [asdict(run) for run in runs],
    }


def table(runs: Sequence[Run], kinds: Sequence[Kind]) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Header and one row for each kind of fault that was made."""
    header = (
        'fault',
        'the hand',
        'runs',
        'as it must',
        'limit (ms)',
        'p50 (ms)',
        'max (ms)',
        'follows again',
        'unreported',
    )
    rows = []
    for kind in kinds:
        own = [run for run in runs if run.kind == kind.name]
        if own:
            times = ['' if each is None else f'{each:.0f}' for each in _percentiles(own).values()]
            limit = f'{1e3 * kind.limit_s:.0f}' if kind.outcome == Outcome.SAFE else ''
            counts = sum(run.safe for run in own), sum(run.recovered for run in own), sum(run.unreported for run in own)
            safe, recovered, unreported = map(str, counts)
            rows.append((kind.name, kind.outcome, str(len(own)), safe, limit, *times, recovered, unreported))
    return header, rows


def figure(runs: Sequence[Run]) -> Figure:
    """From the detection limit to the safe state, by what the hand did."""
    drawn, axes = plt.subplots(figsize=(8, 3.5))
    for moment in MOMENTS:
        times = [run.time_to_safe_ms for run in runs if run.moment == moment and run.time_to_safe_ms is not None]
        axes.plot(np.sort(times), np.arange(1, len(times) + 1), drawstyle='steps-post', label=moment)
    axes.axvline(ALLOWED_MS, color='0.5', linestyle=':')
    axes.set(xlabel='from the detection limit to the safe state (ms)', ylabel='runs')
    axes.legend(title='the hand was')
    return drawn


def write_page(runs: Sequence[Run], kinds: Sequence[Kind], load: bool) -> None:
    """Put the campaign into ``docs/reliability.md``."""
    result = summarize(runs)
    times = result['time_to_safe_ms']
    figure(runs).savefig(FIGURE, dpi=80, bbox_inches='tight')
    held = sum(run.moment == 'holding' for run in runs)
    machine = f'{os.cpu_count()} CPUs, a load average of {os.getloadavg()[1]:.1f} over the last 5 minutes'
    lines = [
        f'{result["runs"]} faults{", with every CPU busy" if load else ""}; in {held} of them the hand held an object.',
        f'The machine had {machine}.',
        '',
        *markdown_table(
            ('', ''),
            [
                ('the hand did as it must, in time', f'{100 * result["safe_rate"]:.1f} %'),
                ('time from the detection limit to the safe state, median', f'{times["p50"]} ms'),
                ('the longest', f'{times["max"]} ms'),
                ('the hand followed again, and no other node was restarted', f'{100 * result["recovered_rate"]:.1f} %'),
                ('losses that nothing told of', str(result['unreported_losses'])),
            ],
        ),
        '',
        *markdown_table(*table(runs, kinds)),
        '',
        '![How long the hand took to be safe](images/faults.png)',
        '',
    ]
    failed = [run for run in runs if not (run.safe and run.recovered) or run.unreported]
    if failed:
        lines += ['What fell short:', '']
        lines += [f'- {run.kind}, {run.moment}: {_shortfall(run)}' for run in failed] + ['']
    write_section(PAGE, 'faults', lines)


def _shortfall(run: Run) -> str:
    said = []
    if not run.safe:
        late = run.time_to_safe_ms
        said.append('not safe' if late is None else f'safe {late:.0f} ms after the limit')
    if not run.recovered:
        said.append('did not follow again')
    if run.unreported:
        said.append(f'{run.unreported} losses not reported')
    return ', '.join(said)


def _percentiles(runs: Sequence[Run]) -> dict[str, float | None]:
    times = [run.time_to_safe_ms for run in runs if run.time_to_safe_ms is not None]
    return {'p50': round(float(np.median(times)), 1), 'max': max(times)} if times else {'p50': None, 'max': None}

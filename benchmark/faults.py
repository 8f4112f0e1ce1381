# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Fault campaign: faults of every kind in the running system, while its hand is open, closes, or holds an object.

The nodes, DDS and the hand (simulated with MuJoCo) are real. One system stays up. Each run makes one fault, watches the
measured joints, undoes the fault and waits until the hand follows again. A campaign of every kind of fault is written
to ``docs/reliability.md``.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import numpy as np
from tqdm import tqdm

from benchmark.fault_kind import Kind, Outcome, Since
from benchmark.fault_kinds import busy, kinds
from benchmark.fault_report import ALLOWED_MS, MOMENTS, Run, figure, summarize, table, write_page
from benchmark.fault_system import System
from benchmark.fault_verdict import closes_further, first_safe, left_safe_ns, next_trial_ns, opens_ns
from benchmark.results import ROOT, parsed_with_json, print_table, write_results
from grasp_decoder.bundle.bundle import MANIFEST, SEAL, seal_of
from grasp_decoder.cli.command_line import exit_status
from grasp_decoder.control.fault_policies import Policy, load_fault_policies
from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.system.demo_files import demo_session, ready_bundle
from grasp_decoder.types.hand_command import HandCommand, HandMode
from grasp_decoder.types.time import NS_PER_S

FINISHED = ROOT / 'bench' / 'faults' / 'runs.jsonl'
MOMENT_S = 30.0
RECOVERY_S = 15.0
REPORT_S = 2.5
IN_FLIGHT_NS = 30_000_000
MOVED_RAD = 0.02
HEARD_WITHIN_NS = 500_000_000
REORDERED = 'decoder: spikes: reordered batches'


def main(argv=None) -> int:
    return exit_status(_faults, argv)


def _faults(argv) -> int:
    parser = argparse.ArgumentParser(prog='faults', description=__doc__.split('\n')[0])
    parser.add_argument('--runs', type=int, default=200, metavar='N', help='faults to make (default: %(default)s)')
    parser.add_argument(
        '--kinds', default='', metavar='NAME', help='only kinds of fault whose names match it (default: all)'
    )
    parser.add_argument('--load', action='store_true', help='keep every CPU busy all the time')
    parser.add_argument(
        '--seed', type=int, default=1, metavar='N', help='of the batches that are disturbed (default: %(default)s)'
    )
    parser.add_argument(
        '--minutes',
        type=float,
        default=math.inf,
        metavar='N',
        help='begin no further run after so long (default: no limit)',
    )
    parser.add_argument('--continue', dest='go_on', action='store_true', help='go on with the campaign before')
    arguments = parsed_with_json(parser, argv)
    chosen = [kind for kind in kinds() if re.search(arguments.kinds, kind.name)]
    if not chosen:
        raise GraspDecoderError(f'no kind of fault matches {arguments.kinds!r}')
    asked = {name: getattr(arguments, name) for name in ('kinds', 'load', 'seed')}
    runs = _finished(asked) if arguments.go_on else []
    FINISHED.parent.mkdir(parents=True, exist_ok=True)
    with open(FINISHED, 'a' if arguments.go_on else 'w') as kept:
        if not arguments.go_on:
            kept.write(json.dumps(asked) + '\n')
        stop_s = time.monotonic() + 60 * arguments.minutes
        for run in campaign(chosen, len(runs), arguments.runs, arguments.seed, arguments.load, stop_s):
            runs.append(run)
            kept.write(json.dumps(asdict(run)) + '\n')
            kept.flush()
    if not runs:
        raise GraspDecoderError('no time for a single run')
    result = summarize(runs)
    print_table(*table(runs, chosen))
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=1) + '\n')
    write_results('faults', result, figure(runs))
    if not arguments.kinds and len(runs) >= len(chosen):
        write_page(runs, chosen, arguments.load)
    return 0


def _finished(asked: dict) -> list[Run]:
    """The runs of the campaign before, which was asked for the same."""
    if not FINISHED.exists():
        raise GraspDecoderError('there is no campaign to go on with: leave --continue out')
    first, *lines = map(json.loads, FINISHED.read_text().splitlines())
    if first != asked:
        raise GraspDecoderError(f'the campaign before was asked for {first}, not for {asked}: leave --continue out')
    return [Run(**line) for line in lines]


def campaign(
    chosen: Sequence[Kind], first: int, count: int, seed: int, load: bool = False, stop_s: float = math.inf
) -> Iterator[Run]:
    """Make the runs from ``first`` to ``count``, of the ``chosen`` kinds of fault in turn.

    Args:
        seed: of the batches that are disturbed.
        load: keep every CPU busy.
        stop_s: time of the monotonic clock after which no run begins.
    """
    if first >= count:
        return
    with _busy((os.cpu_count() or 1) if load else 0), _system() as system:
        for number in tqdm(range(first, count), initial=first, total=count, unit='fault'):
            if time.monotonic() > stop_s:
                return
            kind = chosen[number % len(chosen)]
            moment = MOMENTS[(number + number // len(chosen)) % len(MOMENTS)]
            run = make_fault(system, kind, moment, np.random.default_rng([seed, number]))
            if not (run.safe and run.recovered) or run.unreported:
                tqdm.write(str(run))
            yield run
            system.mend()
            system.wait_until_up()


@contextmanager
def _busy(count: int) -> Iterator[None]:
    processes = busy(math.inf, count)
    try:
        yield
    finally:
        for process in processes:
            process.kill()


@contextmanager
def _system() -> Iterator[System]:
    """The system on the demo's session, with two bundles that decode alike."""
    session, bundle = demo_session(), ready_bundle()
    with tempfile.TemporaryDirectory(prefix='grasp_decoder_faults_') as folder:
        first, second = Path(folder, 'bundles', 'first'), Path(folder, 'bundles', 'second')
        shutil.copytree(bundle, first)
        shutil.copytree(bundle, second)
        manifest = json.dumps({**json.loads((second / MANIFEST).read_text()), 'name': 'second'}).encode()
        (second / MANIFEST).write_bytes(manifest)
        (second / SEAL).write_bytes(seal_of(hashlib.sha256(manifest).hexdigest()))
        system = System(session, first, Path(folder))
        try:
            system.mend()
            system.wait_until_up()
            yield system
        finally:
            system.close()


def make_fault(system: System, kind: Kind, moment: str, rng: np.random.Generator) -> Run:
    """One run: wait for the moment, make the fault, undo it, wait for the recovery, judge."""
    at_moment = {
        'holding': lambda: system.holds,
        'closing': lambda: system.mode == HandMode.CLOSE,
        'open': lambda: system.mode in (HandMode.OPEN, HandMode.PRESHAPE),
    }
    if not system.until(at_moment[moment], MOMENT_S):
        raise GraspDecoderError(f'the hand was never {moment}: it is {system.mode.name} after {MOMENT_S:g} s')
    system.forget()
    before = system.relay.lost, system.lost_batches() + system.count(REORDERED)
    fault = kind.fault(system, rng)
    fault_ns = next(fault)
    system.go_on(kind.lasts_s - (time.monotonic_ns() - fault_ns) / NS_PER_S)
    next(fault, None)
    undone_ns = time.monotonic_ns()
    recovered = system.until(lambda: system.follows_since(undone_ns), RECOVERY_S) and not system.missing()
    recovery_s = (time.monotonic_ns() - undone_ns) / NS_PER_S

    def unreported() -> int:
        lost = system.relay.lost - before[0]
        # Some that were late were put right: few batches come in a pause between trials, and overtake none.
        told = system.lost_batches() + system.count(REORDERED) - before[1]
        silent = bool(kind.reports) and not system.told(kind.reports)
        return silent + (max(0, lost - told) if lost else 0)

    def heard_again() -> bool:
        states = system.heard.states
        return bool(states) and states[-1].monotonic_ns > undone_ns

    system.until(lambda: not unreported(), REPORT_S)
    system.until(heard_again, RECOVERY_S)
    safe_ns = _safe_ns(system, kind, fault_ns, undone_ns)
    late_ms = None
    if kind.outcome == Outcome.SAFE and safe_ns is not None:
        late_ms = round((safe_ns - _since_ns(system, kind, fault_ns)) / 1e6 - kind.limit_s * 1e3, 1)
    return Run(
        kind=kind.name,
        moment=moment,
        safe=safe_ns is not None and (late_ms is None or late_ms <= ALLOWED_MS),
        time_to_safe_ms=late_ms,
        went_safe=first_safe(system.heard.commands, fault_ns) is not None,
        recovered=recovered,
        recovery_s=round(recovery_s, 2) if recovered else None,
        reported=system.told(kind.reports) if kind.reports else '',
        unreported=unreported(),
    )


def _since_ns(system: System, kind: Kind, fault_ns: int) -> int:
    """The moment from which the detection limit counts."""
    if kind.since == Since.LAST_TARGET:
        return max((at_ns for at_ns, _ in system.heard.targets if at_ns <= fault_ns + IN_FLIGHT_NS), default=fault_ns)
    if kind.since == Since.SOURCE:
        safe = first_safe(system.heard.commands, fault_ns)
        went_on_ns = system.relay.went_on_ns
        return went_on_ns if safe is not None and fault_ns < went_on_ns < safe.published_ns else fault_ns
    if kind.since == Since.LAST_DECODE:
        commands = system.heard.commands
        safe = first_safe(commands, fault_ns)
        before_ns = safe.published_ns if safe else fault_ns
        answers = [each for each in commands if each.due_ns and each.state != HandMode.SAFE]
        return max((each.published_ns for each in answers if each.published_ns < before_ns), default=fault_ns)
    return fault_ns


def _safe_ns(system: System, kind: Kind, fault_ns: int, undone_ns: int) -> int | None:
    """When the hand was as it must be; None when it was not. `fault_verdict` has the definitions."""
    commands, motion = system.heard.commands, system.motion()
    command = first_safe(commands, fault_ns)
    if command is None and kind.outcome != Outcome.SAFE:
        return fault_ns
    end_ns = min(left_safe_ns(commands, fault_ns) or undone_ns + NS_PER_S, next_trial_ns(commands, undone_ns))
    if kind.since == Since.LAST_TARGET:
        # A bridge that was started again may move the hand for seconds before it is heard of here.
        unheard = not any(undone_ns < each.published_ns < undone_ns + HEARD_WITHIN_NS for each in commands)
        return opens_ns(motion.between(fault_ns, undone_ns + HEARD_WITHIN_NS if unheard else end_ns))
    if command is None:
        return None
    if kind.hand_is_silent:
        until_ns = next_trial_ns(commands, undone_ns)
        back = motion.between(undone_ns, until_ns)
        if not len(back.times_ns):  # it was heard of only in the next trial
            back = system.told_motion().between(undone_ns, until_ns)
        return command.published_ns if opens_ns(back) is not None else None
    if _may_keep(commands, command, kind):
        kept = motion.between(command.published_ns, min(end_ns, _lets_go_ns(system, command.published_ns)))
        return None if closes_further(kept) else command.published_ns
    opened_ns = opens_ns(motion.between(fault_ns, end_ns))
    return None if opened_ns is None else max(opened_ns, command.published_ns)


def _lets_go_ns(system: System, safe_ns: int) -> int:
    """When a hand that kept what it held was first told to let go."""
    targets = [each for each in system.heard.targets if each[0] >= safe_ns]
    moved = (at_ns for at_ns, angles in targets if np.abs(angles - targets[0][1]).max() > MOVED_RAD)
    return next(moved, system.heard.states[-1].monotonic_ns)


def _may_keep(commands: Sequence[HandCommand], safe: HandCommand, kind: Kind) -> bool:
    """Whether the hand held something when SAFE came, and goes on to hold it in a fault of this kind."""
    before = [each.state for each in commands if each.published_ns < safe.published_ns and each.state != HandMode.SAFE]
    return load_fault_policies()[kind.cause] == Policy.KEEP and bool(before) and before[-1] == HandMode.HOLD


if __name__ == '__main__':
    raise SystemExit(main())

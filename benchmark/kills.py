# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Kills: recorder, train, replay_decode and deidentify, killed without warning at random moments, again and again.

What had the name of the output before must stay whole, or the new output must be whole, or be marked partial. A
recording must play up to its last seconds.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import shutil
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from mcap.records import Message
from mcap.stream_reader import StreamReader

from benchmark.material import FOLDER, trained
from benchmark.results import ROOT, markdown_table, print_table, write_section
from grasp_decoder.bundle.bundle import load_bundle
from grasp_decoder.cli.command_line import exit_status
from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.recording.reading import read_session
from grasp_decoder.recording.synthetic import synthesize
from grasp_decoder.recording.writing import write_session
from grasp_decoder.safe_file import write_json
from grasp_decoder.system.processes import NodeProcess, end_processes
from grasp_decoder.types.time import NS_PER_S

UNITS = 24
LAST_SECONDS = 2.5
"""Of a recording that may be missing: it is written each second, and the machine may be busy."""

OLD, NEW, PARTIAL, ABSENT = 'old', 'new', 'partial', 'absent'
HEADER = ('program', 'kills', OLD, NEW, PARTIAL, ABSENT, 'damaged')


@dataclass(frozen=True)
class Program:
    """What is killed.

    Attributes:
        name: of the executable.
        suffix: of the output's name.
        arguments: given the path of the output.
        prepare: puts an old output there.
        found: given the path and the time of the kill (ns), says which output is there now; raises an error if it is
            damaged.
        seconds: how long it runs; None to measure it.
    """

    name: str
    suffix: str
    arguments: Callable[[Path], list[str]]
    prepare: Callable[[Path], None]
    found: Callable[[Path, int], str]
    seconds: float | None = None


def main(argv=None) -> int:
    return exit_status(_kills, argv)


def _kills(argv) -> int:
    parser = argparse.ArgumentParser(prog='kills', description=__doc__.split('\n')[0])
    parser.add_argument('--runs', type=int, default=50, metavar='N', help='of each program (default: %(default)s)')
    parser.add_argument(
        '--program', action='append', metavar='NAME', help='only this one; may be given several times (default: all)'
    )
    parser.add_argument(
        '--seed', type=int, default=0, metavar='N', help='another seed kills at other moments (default: %(default)s)'
    )
    parser.add_argument(
        '--json',
        type=Path,
        default=ROOT / 'bench' / 'kills' / 'kills.json',
        metavar='OUT',
        help='where the result goes (default: %(default)s)',
    )
    arguments = parser.parse_args(argv)
    arguments.json.parent.mkdir(parents=True, exist_ok=True)
    found: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory(prefix='kills_') as folder:
        programs = {each.name: each for each in _programs()}
        for name in arguments.program or programs:
            if name not in programs:
                raise GraspDecoderError(f'no program {name}: {", ".join(programs)} are killed')
            place = Path(folder, name)
            place.mkdir()
            found[name] = _campaign(programs[name], place, arguments.runs, np.random.default_rng(arguments.seed))
            failures = sum(each['failures'] for each in found.values())
            write_json(arguments.json, {'failures': failures, 'seed': arguments.seed, 'programs': found})
            print(f'{name}: {found[name]["failures"]} of {arguments.runs} kills left damage', flush=True)
    rows = [
        (name, each['runs'], *(each['found'].get(kind, 0) for kind in (OLD, NEW, PARTIAL, ABSENT)), each['failures'])
        for name, each in found.items()
    ]
    print_table(HEADER, rows)
    if found.keys() == programs.keys():
        lines = markdown_table(HEADER, [tuple(map(str, row)) for row in rows])
        write_section('reliability.md', 'kills', ['', *lines, ''])
    return 1 if failures else 0


def _programs() -> list[Program]:
    session, bundle = trained(UNITS)
    small = FOLDER / 'small.mat'
    if not small.exists():
        write_session(synthesize(12, 24, 2)[0], small)
    sha256 = load_bundle(bundle).sha256

    def put_bundle(out: Path) -> None:
        shutil.copytree(bundle, out)

    def found_bundle(out: Path, killed_ns: int) -> str:
        return OLD if load_bundle(out).sha256 == sha256 else NEW

    def put_text(out: Path) -> None:
        out.write_text('{"old": true}')

    def found_result(out: Path, killed_ns: int) -> str:
        content = json.loads(out.read_text())
        return OLD if 'old' in content else PARTIAL if content['partial'] else NEW

    def found_session(out: Path, killed_ns: int) -> str:
        if out.read_text(errors='replace').startswith('{"old"'):
            return OLD
        kept, whole = read_session(out), read_session(session)
        if [len(trial.times_ns) for trial in kept.trials] != [len(trial.times_ns) for trial in whole.trials]:
            raise GraspDecoderError(f'{out} has not all spikes')
        return NEW

    train = ['--session', str(small), '--tasks', 'phase', '--baselines', 'none', '--max-seconds', '2']
    replay = ['--session', str(session), '--bundle', str(bundle), '--speed', '0', '--split', 'all']
    return [
        Program(
            'recorder',
            '.mcap',
            lambda out: ['--ros-args', '-p', f'file:={out}'],
            lambda out: None,
            _found_recording,
            8.0,
        ),
        Program('train', '', lambda out: [*train, '--out', str(out)], put_bundle, found_bundle),
        Program('replay_decode', '.json', lambda out: [*replay, '--json', str(out)], put_text, found_result),
        Program('deidentify', '.mat', lambda out: [str(session), str(out)], put_text, found_session),
    ]


def _found_recording(out: Path, killed_ns: int) -> str:
    """Whether a recording plays up to the moment of the kill."""
    if not out.exists():
        return ABSENT
    times = []
    with open(out, 'rb') as file, contextlib.suppress(Exception):  # it is cut off somewhere
        for record in StreamReader(file).records:
            if isinstance(record, Message):
                times.append(record.log_time)
    if not times:
        return ABSENT
    missing_s = (killed_ns - times[-1]) / NS_PER_S
    if missing_s > LAST_SECONDS:
        raise GraspDecoderError(f'the last {missing_s:.1f} s are missing of {(killed_ns - times[0]) / NS_PER_S:.1f} s')
    if times[-1] - times[0] > NS_PER_S:
        read_session(out)
    return PARTIAL


def _campaign(program: Program, folder: Path, runs: int, rng: np.random.Generator) -> dict[str, Any]:
    with contextlib.ExitStack() as stack:
        if program.name == 'recorder':
            arguments = [
                '--ros-args',
                '-p',
                f'session:={trained(UNITS)[0]}',
                '-p',
                'loop:=true',
                '-p',
                'subscribers:=0',
            ]
            source = NodeProcess('spike_replayer', arguments, folder / 'source.log')
            stack.callback(end_processes, [source])
        seconds = program.seconds or _whole_run(program, folder / f'whole{program.suffix}')
        kinds: Counter[str] = Counter()
        failures = []
        for number in range(runs):
            out = folder / f'out_{number}{program.suffix}'
            program.prepare(out)
            process = NodeProcess(program.name, program.arguments(out), folder / 'log')
            after_s = float(rng.uniform(0, 1.1 * seconds))
            process.wait(after_s)
            process.send_signal(signal.SIGKILL)
            killed_ns = time.time_ns()
            process.wait(60)
            try:
                kinds[program.found(out, killed_ns)] += 1
            except Exception as error:  # whatever it is, the output is damaged
                failures.append(f'killed after {after_s:.2f} s: {type(error).__name__}: {error}')
                print(f'{program.name}: {failures[-1]}', flush=True)
    return {
        'runs': runs,
        'seconds': round(seconds, 1),
        'found': dict(kinds),
        'failures': len(failures),
        'what': failures,
    }


def _whole_run(program: Program, out: Path) -> float:
    """Seconds that the program takes, and a check that its output is found to be new."""
    program.prepare(out)
    began = time.monotonic()
    process = NodeProcess(program.name, program.arguments(out), out.with_suffix('.log'))
    status = process.wait(600)
    if status != 0 or program.found(out, time.time_ns()) != NEW:
        raise GraspDecoderError(f'{program.name} does not work, it ends with {status}: {process.last_words()}')
    return time.monotonic() - began


if __name__ == '__main__':
    raise SystemExit(main())

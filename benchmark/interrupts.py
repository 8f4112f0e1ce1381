# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Interrupts: runs that are ended by Ctrl-C at a random moment. Each must end clean, whatever it was doing.

A clean end: the documented exit status, nothing about a crash in the output, no process and no core left, and a
recording that can be read to its end.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from mcap.exceptions import McapError
from mcap.reader import make_reader

from benchmark.material import given_or_trained
from benchmark.results import ROOT, parsed_with_json, print_table, write_results
from grasp_decoder.child_process import prepare_child
from grasp_decoder.cli.command_line import exit_status
from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.safe_file import write_json
from grasp_decoder.share import share_directory
from grasp_decoder.system.processes import executable_path

MARK = 'GRASP_DECODER_INTERRUPTED_RUN'
CRASHES = (
    'Traceback',
    'terminate called',
    'failed to terminate',
    'did not end by itself',
    'Segmentation',
    'Aborted',
    'most recent call first',  # the stacks of a node that hung in its end
    # What launch says of a node. Of some that end, asyncio loses the status before Python 3.13: that is the 255.
    'exit code -',
    'exit code 1,',
    'exit code 2,',
)
PATIENCE_S = 120.0
SOONEST_S = 0.2  # before, it is Python's own start that is interrupted


@dataclass(frozen=True)
class End:
    """How one run ended.

    Attributes:
        after_s: from the start to the first SIGINT.
        seconds: from the first SIGINT until the last process of the run was gone.
        problems: why it was not clean; empty if it was.
        recorded: whether there is a recording.
        unreadable: whether that cannot be read to its end.
    """

    after_s: float
    seconds: float
    problems: list[str]
    recorded: bool
    unreadable: bool


def main(argv=None) -> int:
    return exit_status(_interrupts, argv)


def _interrupts(argv) -> int:
    parser = argparse.ArgumentParser(prog='interrupts', description=__doc__.split('\n')[0])
    parser.add_argument('--session', type=Path, metavar='FILE', help='recording to replay (default: a synthetic one)')
    parser.add_argument(
        '--bundle', type=Path, metavar='DIR', help='bundle for that recording (default: one that is trained)'
    )
    parser.add_argument(
        '--units', type=int, default=24, metavar='N', help='units of the synthetic session (default: %(default)s)'
    )
    parser.add_argument('--runs', type=int, default=50, metavar='N', help='runs (default: %(default)s)')
    parser.add_argument('--within', type=float, default=15.0, metavar='S', help='latest SIGINT (default: %(default)s)')
    parser.add_argument('--twice', action='store_true', help='a second SIGINT follows within a second')
    parser.add_argument('--launch', action='store_true', help='runs of the launch file instead of replay_decode')
    parser.add_argument('--seed', type=int, default=0, metavar='N', help='of the random moments (default: %(default)s)')
    arguments = parsed_with_json(parser, argv)
    session, bundle = (path.resolve() for path in given_or_trained(arguments))  # each run has a folder of its own
    command = _launch(session, bundle) if arguments.launch else _replay_decode(session, bundle)
    rng = np.random.default_rng(arguments.seed)
    ends = []
    for number in range(arguments.runs):
        after_s = float(rng.uniform(SOONEST_S, arguments.within))
        again_s = float(rng.uniform(0.0, 1.0)) if arguments.twice else None
        ends.append(_interrupted(command, arguments.launch, after_s, again_s))
        said = '; '.join(ends[-1].problems) or 'clean'
        print(f'{number + 1:3}/{arguments.runs} after {after_s:5.2f} s: {ends[-1].seconds:5.2f} s, {said}', flush=True)
    return _report(ends, arguments)


def _replay_decode(session: Path, bundle: Path) -> list[str]:
    given = ['--session', str(session), '--bundle', str(bundle), '--hand', 'mujoco']
    return [str(executable_path('replay_decode')), *given, '--record', 'run.mcap', '--json', 'run.json']


def _launch(session: Path, bundle: Path) -> list[str]:
    """``ros2 launch`` where it is installed, else the same by the library behind it."""
    file = str(share_directory() / 'launch' / 'replay_decode.launch.py')
    given = [f'session:={session}', f'bundle:={bundle}', 'record:=run.mcap', 'result:=run.json']
    if shutil.which('ros2'):
        return ['ros2', 'launch', file, *given]
    if importlib.util.find_spec('launch_ros') is None:
        raise GraspDecoderError('ros2 launch is not installed: see CONTRIBUTING.md, or leave out --launch')
    return [sys.executable, str(ROOT / 'test' / 'helpers' / 'launch_file.py'), file, *given]


def _interrupted(command: list[str], launch: bool, after_s: float, again_s: float | None) -> End:
    mark = secrets.token_hex(8)
    with tempfile.TemporaryDirectory(prefix='interrupts_') as name:
        folder = Path(name)
        with open(folder / 'log', 'wb') as log:
            environment = {**os.environ, MARK: mark}
            run = subprocess.Popen(
                command,
                cwd=folder,
                env=environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=prepare_child,
            )
        deadline = time.monotonic() + PATIENCE_S
        while launch and b'process started' not in (folder / 'log').read_bytes() and time.monotonic() < deadline:
            time.sleep(0.01)  # what launch does at SIGINT before it starts anything is its own affair
        try:
            run.wait(after_s)
        except subprocess.TimeoutExpired:
            pass
        else:
            raise GraspDecoderError(f'the run ended before it was interrupted: {(folder / "log").read_text()[-500:]}')
        begun = time.monotonic()
        # As a terminal does: every process of its foreground gets it.
        os.killpg(run.pid, signal.SIGINT)
        if again_s is not None:
            try:
                run.wait(again_s)
            except subprocess.TimeoutExpired:
                os.killpg(run.pid, signal.SIGINT)
        # A second SIGINT may meet launch when it has nothing more to do.
        allowed = ({0, -signal.SIGINT} if again_s is not None else {0}) if launch else {130}
        problems = _problems_of_the_end(run, mark, allowed)
        seconds = time.monotonic() - begun
        log_text = (folder / 'log').read_text(errors='replace')
        problems += [f'{word!r} in the output' for word in CRASHES if word in log_text]
        problems += [f'a core: {path.name}' for path in folder.rglob('core*')]
        recording = folder / 'run.mcap'
        unreadable = recording.exists() and not _readable(recording)
        if unreadable:
            problems.append('the recording cannot be read')
        if problems:
            print(log_text[-2000:], flush=True)
        return End(after_s, seconds, problems, recording.exists(), unreadable)


def _problems_of_the_end(run: subprocess.Popen, mark: str, allowed: set[int]) -> list[str]:
    problems = []
    deadline = time.monotonic() + PATIENCE_S
    try:
        if run.wait(PATIENCE_S) not in allowed:
            problems.append(f'status {run.returncode}')
    except subprocess.TimeoutExpired:
        problems.append(f'still running after {PATIENCE_S:g} s')
    while (left := _processes(mark)) and time.monotonic() < deadline:
        time.sleep(0.02)
    for pid in left:
        problems.append(f'process {pid} is left')
        os.kill(pid, signal.SIGKILL)
    run.wait()
    return problems


def _processes(mark: str) -> list[int]:
    """The processes of a run, by a variable of their environment."""
    found = []
    for folder in Path('/proc').glob('[0-9]*'):
        try:
            if f'{MARK}={mark}'.encode() in (folder / 'environ').read_bytes():
                found.append(int(folder.name))
        except OSError:  # it has just ended, or belongs to somebody else
            continue
    return found


def _readable(path: Path) -> bool:
    """Whether the file has its summary, and every message in it can be read."""
    try:
        with open(path, 'rb') as file:
            reader = make_reader(file)
            summary = reader.get_summary()
            count = sum(1 for _ in reader.iter_messages())
        return summary is not None and summary.statistics is not None and summary.statistics.message_count == count
    except McapError:
        return False


def _report(ends: list[End], arguments: argparse.Namespace) -> int:
    seconds = [end.seconds for end in ends]
    clean = sum(not end.problems for end in ends)
    result = {
        'runs': len(ends),
        'launch': arguments.launch,
        'twice': arguments.twice,
        'clean_rate': clean / len(ends),
        'recordings': sum(end.recorded for end in ends),
        'unreadable_recordings': sum(end.unreadable for end in ends),
        'seconds_to_end': {'p50': round(float(np.median(seconds)), 2), 'max': round(max(seconds), 2)},
        'problems': {f'{end.after_s:.2f}': end.problems for end in ends if end.problems},
    }
    header = 'runs', 'clean', 'recordings', 'unreadable', 'p50 (s)', 'max (s)'
    times = result['seconds_to_end'].values()
    print_table(header, [(len(ends), clean, result['recordings'], result['unreadable_recordings'], *times)])
    figure, axes = plt.subplots(figsize=(6, 4))
    axes.plot([end.after_s for end in ends], seconds, '.')
    axes.set(xlabel='SIGINT after (s)', ylabel='until all is gone (s)', ylim=(0, None))
    write_results('interrupts', result, figure)
    if arguments.json:
        write_json(arguments.json, result)
    return int(clean < len(ends))


if __name__ == '__main__':
    raise SystemExit(main())

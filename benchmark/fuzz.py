# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Fuzz: files and messages made to harm, thousands of them, against everything that reads files and messages.

Each case is one mutation of a good input. It is read in a process of its own, with limits of memory and time. A case
fails if anything but success or one line of `GraspDecoderError` comes of it: another exception, a crash, a hang, a
message of several lines, or a file that is left behind.
"""

from __future__ import annotations

import argparse
import contextlib
import multiprocessing
import os
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
import zlib
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from benchmark.fuzz_target import Target, fork_instead
from benchmark.fuzz_targets import TARGETS
from benchmark.results import ROOT, print_table
from grasp_decoder.cli.command_line import exit_status
from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.safe_file import write_json

LONGEST_S = 20
MOST_BYTES = 4 << 30
KEPT = 5
"""Failures of a target of which the input is kept."""


def main(argv=None) -> int:
    return exit_status(_fuzz, argv)


def _fuzz(argv) -> int:
    parser = argparse.ArgumentParser(prog='fuzz', description=__doc__.split('\n')[0])
    parser.add_argument('--cases', type=int, default=2000, metavar='N', help='of each target (default: %(default)s)')
    parser.add_argument(
        '--target', action='append', choices=TARGETS, help='only this one; may be given several times (default: all)'
    )
    parser.add_argument(
        '--seed', type=int, default=0, metavar='N', help='another seed makes other cases (default: %(default)s)'
    )
    parser.add_argument(
        '--json',
        type=Path,
        default=ROOT / 'bench' / 'fuzz' / 'fuzz.json',
        metavar='OUT',
        help='where the result goes (default: %(default)s)',
    )
    arguments = parser.parse_args(argv)
    if arguments.cases < 1:
        raise GraspDecoderError('--cases must be at least 1')
    arguments.json.parent.mkdir(parents=True, exist_ok=True)
    found: dict[str, dict[str, Any]] = {}
    for name in arguments.target or TARGETS:
        start = time.monotonic()
        failures = _fuzz_target(name, arguments.cases, arguments.seed)
        found[name] = {
            'cases': arguments.cases,
            'failures': len(failures),
            'seconds': round(time.monotonic() - start, 1),
            'examples': failures[:KEPT],
        }
        print(f'{name}: {len(failures)} of {arguments.cases} failed', flush=True)
        for failure in failures[:KEPT]:
            print(f'  case {failure["case"]}: {failure["what"]}')
    total = sum(each['failures'] for each in found.values())
    print_table(
        ('target', 'cases', 'failures', 's'),
        [(name, each['cases'], each['failures'], each['seconds']) for name, each in found.items()],
    )
    write_json(arguments.json, {'failures': total, 'seed': arguments.seed, 'targets': found})
    return 1 if total else 0


def _fuzz_target(name: str, cases: int, seed: int) -> list[dict[str, Any]]:
    jobs = os.cpu_count() or 1
    with tempfile.TemporaryDirectory(prefix='fuzz_') as folder:
        target = TARGETS[name](Path(folder, 'material'))
        target.prepare()
        # Forked after the preparation, so that a case need not import anything.
        context = multiprocessing.get_context('fork')
        with ProcessPoolExecutor(jobs, context, _set_target, (target, folder, seed)) as pool:
            outcomes = pool.map(_run_case, range(cases), chunksize=8)
            return [outcome for outcome in outcomes if outcome is not None]


def _set_target(*values: Any) -> None:
    global _target, _folder, _seed
    _target, _folder, _seed = values


def _run_case(case: int) -> dict[str, Any] | None:
    """What went wrong with one case; None if nothing did."""
    folder = Path(_folder, f'case_{case}')
    folder.mkdir()
    pid = os.fork()
    if pid == 0:
        _be_the_case(_target, folder, np.random.default_rng([_seed, zlib.crc32(_target.name.encode()), case]))
    what = _how_it_ended(pid, folder)
    if what is not None:
        kept = ROOT / 'bench' / 'fuzz' / f'{_target.name}_{case}'
        shutil.rmtree(kept, ignore_errors=True)
        shutil.copytree(folder, kept, symlinks=True, ignore=_not_plain)
    shutil.rmtree(folder, ignore_errors=True)
    return None if what is None else {'case': case, 'what': what}


def _not_plain(folder: str, names: list[str]) -> list[str]:
    return [name for name in names if Path(folder, name).is_fifo()]


def _how_it_ended(pid: int, folder: Path) -> str | None:
    deadline = time.monotonic() + LONGEST_S
    while not (ended := os.waitpid(pid, os.WNOHANG))[0]:
        if time.monotonic() > deadline:
            os.killpg(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            return f'no answer in {LONGEST_S} s'
        time.sleep(0.002)
    status = os.waitstatus_to_exitcode(ended[1])
    if status < 0:
        return f'died of signal {-status}'
    return None if status == 0 else (folder / 'failure.txt').read_text().strip().split('\n')[-1]


def _be_the_case(target: Target, folder: Path, rng: np.random.Generator) -> None:
    """The child's whole life: make the input, read it, say what went wrong, and end."""
    os.setsid()
    status = 1
    try:
        resource.setrlimit(resource.RLIMIT_AS, (MOST_BYTES, MOST_BYTES))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        nowhere = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(nowhere, stream)
        os.environ['XDG_CACHE_HOME'] = str(folder / 'cache')
        os.chdir(folder)
        fork_instead()
        target.make(rng, folder)
        before = _files(folder)
        try:
            target.read(folder)
        except GraspDecoderError as error:
            if '\n' in str(error) or not str(error).isprintable():
                raise AssertionError(f'not one line: {str(error)!r}') from None
        left = _files(folder) - before
        if left:
            raise AssertionError(f'left behind: {sorted(left)}')
        status = 0
    except BaseException:
        with contextlib.suppress(OSError):
            (folder / 'failure.txt').write_text(traceback.format_exc())
    finally:
        sys.stdout = sys.stderr = None
        os._exit(status)


def _files(folder: Path) -> set[str]:
    """All files but those that the caches keep."""
    names = {str(path.relative_to(folder)) for path in folder.rglob('*')}
    return {name for name in names if not name.startswith('cache') or '.new_' in name}


if __name__ == '__main__':
    raise SystemExit(main())

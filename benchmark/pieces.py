# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Results of a long benchmark, kept piece by piece: an interruption loses at most the piece that was running.

Pieces are kept under a hash of the code that made them: change the code, and they are made anew, never mixed.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from benchmark.results import ROOT
from grasp_decoder.learning.evaluation.object_decodes import ObjectDecodes

CODE = (
    'grasp_decoder/bundle/**/*.py',
    'grasp_decoder/decoding/**/*.py',
    'grasp_decoder/features/*',
    'grasp_decoder/learning/**/*.py',
    'grasp_decoder/recording/**/*.py',
)


Piece = tuple[dict, dict[str, ObjectDecodes]]
"""Plain data, and decodes by name."""


class OutOfTime(Exception):
    """The time is over; what is finished is kept."""


def add_limit_argument(parser: argparse.ArgumentParser) -> None:
    """Add ``--max-seconds``, the limit of `Pieces`."""
    parser.add_argument(
        '--max-seconds',
        type=float,
        default=math.inf,
        metavar='S',
        help='begin nothing after S seconds; the same command goes on later (default: no limit)',
    )


class Pieces:
    """Finished pieces of one benchmark in ``bench/BENCHMARK/pieces``, and the time that is left for more."""

    def __init__(self, benchmark: str, max_seconds: float = math.inf, used: Sequence[str] = ()):
        """``used``: other modules of benchmark/ that make its pieces."""
        self.code = _code_hash(benchmark, *used)
        self._folder = ROOT / 'bench' / benchmark / 'pieces' / self.code
        self._stop = time.monotonic() + max_seconds

    @property
    def commit(self) -> str:
        """What git calls the code, with a mark when it was changed since."""
        found = subprocess.run(['git', 'describe', '--always', '--dirty'], cwd=ROOT, capture_output=True, text=True)
        return found.stdout.strip() or 'unknown'

    def get(self, name: str, make: Callable[[], Piece]) -> Piece:
        """The piece ``name``, made now unless it is there already.

        Raises:
            OutOfTime: it would have to be made and the time is over.
        """
        path = self._folder / f'{name}.npz'
        if path.exists():
            return _load(path)
        if time.monotonic() >= self._stop:
            raise OutOfTime
        print(f'{name} ...', flush=True)
        started = time.monotonic()
        data, decodes = make()
        _save(path, data, decodes)
        print(f'{name}: kept, {time.monotonic() - started:.0f} s', flush=True)
        return _load(path)


def _code_hash(*modules: str) -> str:
    whole, patterns = hashlib.sha256(), (*(f'benchmark/{each}*.py' for each in modules), *CODE)
    for path in sorted(path for pattern in patterns for path in ROOT.glob(pattern) if path.is_file()):
        whole.update(f'{path.relative_to(ROOT)}\0'.encode() + hashlib.sha256(path.read_bytes()).digest())
    return whole.hexdigest()[:12]


def _save(path: Path, data: dict, decodes: dict[str, ObjectDecodes]) -> None:
    arrays = {
        f'{name}.{field}': getattr(each, field)
        for name, each in decodes.items()
        for field in ('probability', 'label', 'trial', 'classes')
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix='.new_', delete=False) as scratch:
        np.savez(scratch, data=json.dumps(data), **arrays)
    os.replace(scratch.name, path)


def _load(path: Path) -> Piece:
    with np.load(path, allow_pickle=False) as file:
        names = dict.fromkeys(key.rsplit('.', 1)[0] for key in file.files if key != 'data')
        return json.loads(str(file['data'])), {
            name: ObjectDecodes(
                *(file[f'{name}.{field}'] for field in ('probability', 'label', 'trial')),
                tuple(file[f'{name}.classes'].tolist()),
            )
            for name in names
        }

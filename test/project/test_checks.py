# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""The checkout passes the checks of style and types that pyproject.toml sets."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    'command',
    [
        pytest.param(('ruff', 'check', '--quiet'), id='ruff check'),
        pytest.param(('ruff', 'format', '--quiet', '--check'), id='ruff format'),
        pytest.param(('mypy',), id='mypy', marks=pytest.mark.slow),
    ],
)
def test_nothing_is_found(command):
    if importlib.util.find_spec(command[0]) is None:
        pytest.skip(f'{command[0]} is not installed')
    # Without the built package on the path: beside it mypy knows the package's messages by halves.
    environment = {name: value for name, value in os.environ.items() if name != 'PYTHONPATH'}
    run = subprocess.run(
        [sys.executable, '-m', *command], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, f'{run.stdout}{run.stderr}'

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

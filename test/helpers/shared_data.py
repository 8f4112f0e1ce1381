"""Where tests find the shared recordings, which are not part of the project."""

import os
from pathlib import Path

import pytest


def shared_data(name: str) -> Path:
    """The file ``name`` in $GRASP_DECODER_DATA, else in ../shared/data beside the checkout; without it a skip."""
    checkout = Path(__file__).resolve().parents[2]
    folder = Path(os.environ.get('GRASP_DECODER_DATA') or checkout.parent / 'shared' / 'data')
    path = folder / name
    if not path.exists():
        pytest.skip(f'no {name} in {folder}: set GRASP_DECODER_DATA to a folder that has it')
    return path

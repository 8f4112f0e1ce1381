# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

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

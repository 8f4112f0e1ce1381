# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Folders of the files beside the code (``config/`` and others), and of what can be made again at any time."""

from __future__ import annotations

import os
from pathlib import Path


def share_directory() -> Path:
    """Folder of ``bundles``, ``config`` and others: the checkout, or an install's ``share/grasp_decoder``."""
    checkout = Path(__file__).resolve().parents[1]
    if (checkout / 'package.xml').is_file():
        return checkout
    # PREFIX/lib/pythonX.Y/site-packages/grasp_decoder/share.py
    return checkout.parents[2] / 'share' / 'grasp_decoder'


def cache_directory() -> Path:
    """Folder for what can be made again at any time: $XDG_CACHE_HOME/grasp_decoder (~/.cache when unset)."""
    return Path(os.environ.get('XDG_CACHE_HOME') or Path.home() / '.cache') / 'grasp_decoder'


def state_directory() -> Path:
    """Folder for what must survive a restart: $XDG_STATE_HOME/grasp_decoder (~/.local/state when unset)."""
    return Path(os.environ.get('XDG_STATE_HOME') or Path.home() / '.local' / 'state') / 'grasp_decoder'

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

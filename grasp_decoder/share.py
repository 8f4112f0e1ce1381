"""Where the files beside the code are: ``config/``, ``launch/`` and ``worlds/``."""

from __future__ import annotations

from pathlib import Path


def share_directory() -> Path:
    """Folder that holds ``config``, ``launch`` and ``worlds``: the checkout, or ``share/grasp_decoder`` of an install."""
    checkout = Path(__file__).resolve().parents[1]
    if (checkout / 'package.xml').is_file():
        return checkout
    # PREFIX/lib/pythonX.Y/site-packages/grasp_decoder/share.py
    return checkout.parents[2] / 'share' / 'grasp_decoder'

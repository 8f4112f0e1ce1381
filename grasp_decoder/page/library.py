"""The library that serves the page is optional: whoever wants the page installs it."""

from __future__ import annotations

from importlib.util import find_spec

from grasp_decoder.errors import GraspDecoderError

VISER = 'viser==1.1.1'


def require_viser() -> None:
    """Raise `GraspDecoderError` where viser is not installed."""
    if find_spec('viser') is None:
        raise GraspDecoderError(f'no page: viser is not installed: .venv/bin/pip install {VISER}')

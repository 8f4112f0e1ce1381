# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""How the figures of reports and runs look."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import matplotlib
from matplotlib.figure import Figure

STYLE: dict[Any, Any] = {
    'font.family': 'DejaVu Sans',
    'font.size': 9,
    'axes.spines.top': False,
    'axes.spines.right': False,
    'axes.edgecolor': '#8a8f98',
    'axes.labelcolor': '#30343b',
    'xtick.color': '#5a606b',
    'ytick.color': '#5a606b',
    'axes.titlesize': 10,
    'axes.titleweight': 'bold',
    'axes.titlelocation': 'left',
    'legend.frameon': False,
    'figure.constrained_layout.use': True,
    'svg.hashsalt': 'grasp_decoder',
    'svg.fonttype': 'path',
}
BLUE, LIGHT_BLUE, GREY, ORANGE, GREEN = '#1f5fa8', '#9cc3ea', '#9aa0a8', '#d9822b', '#2f8f5b'


def styled(draw: Callable[..., Figure]) -> Callable[..., Figure]:
    """Decorator: draw in this style, whatever the user's own is."""

    @functools.wraps(draw)
    def drawn(*args: Any, **kwargs: Any) -> Figure:
        with matplotlib.rc_context(STYLE):
            return draw(*args, **kwargs)

    return drawn


def save(figure: Figure, target: Path | BinaryIO, **options: Any) -> None:
    """Save a figure in this style; the same figure gives the same bytes."""
    with matplotlib.rc_context(STYLE):
        figure.savefig(target, **options)

# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""The picture of an adapted bundle: which units were taken for one of the earlier day, and how alike they are."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from grasp_decoder.figure_style import BLUE, GREY, styled
from grasp_decoder.learning.models.alignment import Alignment, Start


@styled
def matched_units(start: Start, found: Alignment) -> Figure:
    """Mean activity of matched units on both days, and how alike their loadings are.

    Args:
        start: what the earlier day's bundle keeps (`Bundle.start`).
        found: with a match at least.
    """
    now = np.flatnonzero(found.match >= 0)
    before = found.match[now]
    alike = _cosine(start['loading'][:, before], found.loading[:, now])
    figure = Figure(figsize=(8, 3.2))
    activity, likeness = figure.subplots(1, 2)
    dots = activity.scatter(
        start['course'].mean(axis=0)[before],
        found.course.mean(axis=0)[now],
        c=alike,
        s=10,
        vmin=-1,
        vmax=1,
        cmap='PuOr',
    )
    figure.colorbar(dots, ax=activity, label='likeness of loadings')
    activity.axline((0, 0), slope=1, color=GREY, linewidth=0.8)
    activity.set_xlabel('mean square root of counts, that day')
    activity.set_ylabel('today')
    likeness.hist(alike, bins=np.linspace(-1, 1, 21), color=BLUE)
    likeness.set_xlabel('likeness of loadings (cosine)')
    likeness.set_ylabel('units')
    likeness.set_title(f'{len(now)} of {len(found.match)} units matched', fontsize=9)
    return figure


def _cosine(first: NDArray, second: NDArray) -> NDArray:
    scale = np.linalg.norm(first, axis=0) * np.linalg.norm(second, axis=0)
    return np.asarray((first * second).sum(axis=0) / np.maximum(scale, 1e-12))

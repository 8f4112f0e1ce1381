# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""A session on one page: a trial as a raster, rates of the units, trials per object, lengths of the phases."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import cast

import numpy as np
from matplotlib.figure import Figure, SubFigure

from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.recording.session import Session, Trial
from grasp_decoder.recording.summary import SessionSummary
from grasp_decoder.types.time import NS_PER_S

_AREA_COLOURS = ('#2f6690', '#d1603d', '#3a7d44', '#8e5572', '#7a6c5d')
_GREY = '#b8bec4'
_SHORTEST_LABELLED_NS = 150_000_000


def draw_session(session: Session, summary: SessionSummary, path: Path) -> None:
    """Write the picture to ``path``, in the format that its ending names."""
    figure = Figure(figsize=(12, 8.5), layout='constrained')
    figure.suptitle(f'{session.name}: {session.unit_count} units, {len(session.trials)} trials', fontsize=14)
    upper, lower = cast(Sequence[SubFigure], figure.subfigures(2, 1, height_ratios=(1.25, 1)))
    trial = next((trial for trial in session.trials if trial.usable), session.trials[0])
    _raster(upper.subplots(), session, summary, trial)
    rates, objects, phases = lower.subplots(1, 3, width_ratios=(1, 1.5, 1.1))
    _rates(rates, session, summary)
    _objects(objects, summary)
    _phases(phases, summary)
    for axes in figure.axes:
        axes.spines[['top', 'right']].set_visible(False)
    try:
        figure.savefig(path, dpi=130)
    except (OSError, ValueError) as error:
        raise GraspDecoderError(f'{path}: the picture cannot be written: {error}') from None


def _colours(summary: SessionSummary) -> dict[str | None, str]:
    return {area: _AREA_COLOURS[index % len(_AREA_COLOURS)] for index, area in enumerate(summary.areas)}


def _raster(axes, session: Session, summary: SessionSummary, trial: Trial) -> None:
    colours = _colours(summary)
    seconds = (trial.times_ns - trial.start_ns) / NS_PER_S
    area_of_unit = np.array([list(colours).index(unit.area) for unit in session.units])
    for index, (area, colour) in enumerate(colours.items()):
        chosen = area_of_unit[trial.units] == index
        axes.plot(
            seconds[chosen],
            trial.units[chosen],
            '|',
            color=colour,
            markersize=max(1.4, 300 / session.unit_count),
            markeredgewidth=0.7,
            rasterized=True,
            label=area or 'area unknown',
        )
    times = [*trial.events.values(), np.inf]
    for label, time, following in zip(trial.events, times, times[1:]):
        at = (time - trial.start_ns) / NS_PER_S
        axes.axvline(at, color='#444444', linewidth=0.6, alpha=0.6)
        if following - time > _SHORTEST_LABELLED_NS:
            axes.annotate(label, (at, 1.01), xycoords=('data', 'axes fraction'), fontsize=9, rotation=35)
    axes.set(
        xlabel=f'time in trial {trial.id} (object {trial.object_id}), s',
        ylabel='unit',
        xlim=(0, (trial.stop_ns - trial.start_ns) / NS_PER_S),
        ylim=(-1, session.unit_count),
    )
    legend = axes.legend(loc='center left', bbox_to_anchor=(1.0, 0.5), frameon=False)
    for handle in legend.legend_handles:
        handle.set(marker='s', markersize=7)


def _rates(axes, session: Session, summary: SessionSummary) -> None:
    rates = summary.rates_hz
    edges = np.geomspace(0.1, max(100.0, rates.max() * 1.01), 28)
    areas = [unit.area for unit in session.units]
    columns = [[rate for rate, of in zip(rates, areas) if of == area and rate > 0] for area in summary.areas]
    axes.hist(
        [np.maximum(column, edges[0]) for column in columns],
        edges,
        stacked=True,
        color=list(_colours(summary).values()),
    )
    axes.axvline(np.median(rates), color='#222222', linewidth=1, linestyle='--')
    axes.set(xscale='log', xlabel='rate, Hz', ylabel='units')
    axes.set_title(
        f'median {np.median(rates):.1f}, mean {rates.mean():.1f} Hz; {len(summary.silent_units)} silent', fontsize=10
    )


def _objects(axes, summary: SessionSummary) -> None:
    position = np.arange(len(summary.objects))
    usable, every = np.array(list(summary.objects.values())).T
    axes.bar(position, every, color=_GREY, label='left out')
    axes.bar(position, usable, color=_AREA_COLOURS[0], label='to use')
    small = len(position) > 16
    axes.set_xticks(
        position,
        [str(object_id) for object_id in summary.objects],
        rotation=90 if small else 0,
        fontsize=7 if small else 10,
    )
    axes.set(xlabel='object', ylabel='trials', xlim=(-0.7, len(position) - 0.3))
    axes.set_title(f'{summary.usable} of {every.sum()} trials to use', fontsize=10, loc='left')
    axes.legend(frameon=False, fontsize=8, ncols=2, loc='lower right', bbox_to_anchor=(1.0, 1.0))


def _phases(axes, summary: SessionSummary) -> None:
    names = [label for label, _ in summary.phases_s]
    axes.boxplot(
        list(summary.phases_s.values()),
        orientation='horizontal',
        whis=(5, 95),
        showfliers=False,
        widths=0.6,
        patch_artist=True,
        boxprops={'facecolor': _AREA_COLOURS[0], 'alpha': 0.35},
        medianprops={'color': _AREA_COLOURS[1], 'linewidth': 2},
    )
    axes.set_yticks(np.arange(len(names)) + 1, names)
    axes.invert_yaxis()
    axes.set(xlabel='time to the next event, s')
    axes.set_title('phases (box: quartiles, whiskers: 5 to 95 %)', fontsize=10)

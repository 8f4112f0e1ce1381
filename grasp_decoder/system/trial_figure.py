# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""One trial from spikes to hand, on one time axis."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from grasp_decoder.figure_style import BLUE, GREEN, GREY, ORANGE, styled
from grasp_decoder.recording.session import Session, Trial
from grasp_decoder.types.hand_command import HandMode
from grasp_decoder.types.time import NS_PER_S

# Where a legend hides no data: on the line of the title.
ABOVE_RIGHT = {'loc': 'lower right', 'bbox_to_anchor': (1, 0.97), 'ncols': 3, 'fontsize': 8}
MARKED_EVENTS = ('Cue', 'Go', 'Hold', 'Rew')


def draw_trial(session: Session, record: Path, path: Path) -> None:
    """Draw the trial of a recorded run (``.npz``) with the longest hold, as a picture at ``path``."""
    run = np.load(record)
    segment = _best_segment(run)
    trial_id = run['trial'][run['segment'] == segment][0]
    trial = next(trial for trial in session.trials if trial.id == trial_id)
    _figure(session, trial, run, segment).savefig(path, dpi=150)


def _best_segment(run) -> int:
    """The segment with most bins in HOLD."""
    starts = {segment: run['stamp_ns'][run['segment'] == segment] for segment in np.unique(run['segment'])}
    held = run['command_stamp_ns'][run['command_state'] == HandMode.HOLD]
    return max(starts, key=lambda segment: ((held >= starts[segment][0]) & (held <= starts[segment][-1])).sum())


@styled
def _figure(session: Session, trial: Trial, run, segment: int) -> Figure:
    def seconds(times_ns):
        return (np.asarray(times_ns) - trial.start_ns) / NS_PER_S

    rows = run['segment'] == segment
    end_s = seconds(trial.stop_ns)
    bin_s = float(np.median(np.diff(seconds(run['stamp_ns'][rows]))))
    figure = Figure(figsize=(9, 8.5))
    raster, counts, decoded, hand = figure.subplots(4, 1, sharex=True, height_ratios=(3, 2.2, 1.8, 1.8))

    raster.plot(seconds(trial.times_ns), trial.units, '|', color='#30343b', markersize=2.2, markeredgewidth=0.5)
    raster.set(
        ylabel='unit', ylim=(-1, session.unit_count), title=f'Spikes of trial {trial.id}, object {trial.object_id}'
    )

    edges = np.append(run['bin'][rows] * bin_s, (run['bin'][rows][-1] + 1) * bin_s)
    most = max(1, int(np.percentile(run['counts'][rows], 99.5)))
    counts.pcolormesh(edges, np.arange(session.unit_count + 1) - 0.5, run['counts'][rows].T, cmap='Blues', vmax=most)
    counts.set(
        ylabel='unit',
        title=f'Counts in bins of {1000 * bin_s:.0f} ms, as the decoder got them (white: 0, dark blue: {most} or more)',
    )

    stamps = seconds(run['stamp_ns'][rows])
    decoded.step(stamps, run['phase_probability'][rows], where='pre', color=BLUE, label='P(grasp phase)')
    decoded.step(
        stamps,
        np.nanmax(run['probabilities'][rows], axis=1),
        where='pre',
        color=ORANGE,
        label='P(most probable object)',
    )
    decoded.axvspan(
        seconds(trial.events['Hold']), seconds(trial.events['Rew']), color=GREEN, alpha=0.12, label='hold phase'
    )
    decoded.set(ylabel='probability', ylim=(-0.03, 1.03), title='Decoded')
    decoded.legend(**ABOVE_RIGHT)

    during = _between(run['command_stamp_ns'], trial)
    hand.step(seconds(run['command_stamp_ns'][during]), run['command_aperture'][during], where='post', color=BLUE)
    hand.set(ylabel='aperture', ylim=(-0.03, 1.08), xlim=(0, end_s), xlabel='time in the trial (s)', title='Hand')
    lift = hand.twinx()
    during = _between(run['hand_stamp_ns'], trial)
    lift.plot(seconds(run['hand_stamp_ns'][during]), 100 * run['hand_lift'][during], color=GREEN)
    lift.set(ylabel='lift (cm)', ylim=(-0.3, None))
    lift.spines['right'].set_visible(True)
    hand.legend(
        [*hand.get_lines(), *lift.get_lines()], ['commanded aperture (1: closed)', 'lift of the object'], **ABOVE_RIGHT
    )

    for axes in (raster, counts, decoded, hand):
        for label in MARKED_EVENTS:
            axes.axvline(seconds(trial.events[label]), color=GREY, linewidth=0.8, linestyle='--')
    for label in MARKED_EVENTS:
        raster.annotate(
            label,
            (seconds(trial.events[label]), 1),
            (2, -9),
            xycoords=('data', 'axes fraction'),
            textcoords='offset points',
            fontsize=8,
            color='#5a606b',
            bbox={'facecolor': 'white', 'edgecolor': 'none', 'pad': 0.5},
        )
    return figure


def _between(stamps_ns: np.ndarray, trial: Trial) -> np.ndarray:
    return (stamps_ns >= trial.start_ns) & (stamps_ns < trial.stop_ns)

# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""The figures of a report. Each function draws one, from an `Evaluation` or its scores."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from grasp_decoder.figure_style import BLUE, GREEN, GREY, LIGHT_BLUE, ORANGE, styled
from grasp_decoder.learning.evaluation.evaluation import Evaluation
from grasp_decoder.learning.report.session_page import GRIP_PERIODS
from grasp_decoder.learning.report.tables import decoder_and_baselines, object_names
from grasp_decoder.objects import ObjectCatalogue

CHANNELS = (ORANGE, BLUE, GREEN)
TRIALS_OF_MOVEMENT = 8


@styled
def comparison(scores: dict) -> Figure:
    """Accuracy and relaxed accuracy of the decoder and the baselines, with 95 % intervals and chance."""
    rows = decoder_and_baselines(scores)[::-1]
    figure = Figure(figsize=(7, 0.5 * len(rows) + 0.6))
    axes = figure.add_subplot()
    for y, (_, row) in enumerate(rows):
        for key, interval, colour, side in (
            ('relaxed_accuracy', 'relaxed_ci95', LIGHT_BLUE, -1),
            ('accuracy', 'ci95', BLUE, 1),
        ):
            value, (low, high) = 100 * row[key], (100 * bound for bound in row[interval])
            height = y + 0.13 * side
            axes.plot([low, high], [height, height], color=colour, linewidth=2, solid_capstyle='round')
            axes.plot(value, height, 'o', color=colour, markersize=6)
            axes.annotate(
                f'{value:.1f}',
                (high, height),
                (5, 0),
                textcoords='offset points',
                va='center',
                fontsize=7.5,
                color='#30343b',
            )
    axes.axvline(100 * scores['object']['chance']['accuracy'], color=GREY, linewidth=1, linestyle=':')
    axes.set_yticks(range(len(rows)), [name.replace(', ', ',\n', 1) for name, _ in rows])
    axes.get_yticklabels()[-1].set_fontweight('bold')
    axes.set_ylim(-0.6, len(rows) - 0.4)
    axes.set_xlim(0, 108)
    axes.set_xticks(range(0, 101, 20))
    axes.set_xlabel('% correct')
    axes.grid(axis='x', color='#e6e8eb')
    axes.set_axisbelow(True)
    return figure


@styled
def confusion(scores: dict, objects: ObjectCatalogue) -> Figure:
    """Confusion matrix of the objects, rows (true objects) as percentages; lines where the next shape begins."""
    table = np.array(scores['object']['confusion'], float)
    share = 100 * table / np.maximum(table.sum(axis=1, keepdims=True), 1)
    classes = scores['object']['classes']
    size = float(np.clip(0.19 * len(classes) + 1.6, 3.5, 8.5))
    figure = Figure(figsize=(size + 0.6, size))
    axes = figure.add_subplot()
    image = axes.imshow(share, cmap='Blues', vmin=0, vmax=100, interpolation='nearest')
    names = object_names(objects, classes)
    axes.set_xticks(range(len(classes)), names, rotation=90, fontsize=7)
    axes.set_yticks(range(len(classes)), names, fontsize=7)
    shapes = [objects.find(object_id).shape for object_id in classes]
    for boundary in (position - 0.5 for position in range(1, len(shapes)) if shapes[position] != shapes[position - 1]):
        axes.axhline(boundary, color='#c9ced6', linewidth=0.6)
        axes.axvline(boundary, color='#c9ced6', linewidth=0.6)
    for row, column in np.argwhere(share >= 10):
        axes.text(
            column,
            row,
            f'{share[row, column]:.0f}',
            ha='center',
            va='center',
            fontsize=5.5,
            color='white' if share[row, column] > 55 else '#30343b',
        )
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    axes.set_xlabel('decoded object')
    axes.set_ylabel('true object')
    figure.colorbar(image, ax=axes, shrink=0.5, label="% of the true object's windows")
    return figure


@styled
def per_object(scores: dict, objects: ObjectCatalogue) -> Figure:
    """Accuracy of each object with its interval."""
    rows = scores['object']['per_object']
    figure = Figure(figsize=(7.4, 2.6))
    axes = figure.add_subplot()
    x = np.arange(len(rows))
    low, high = 100 * np.array([row['ci95'] for row in rows]).T
    axes.bar(x, [100 * row['relaxed_accuracy'] for row in rows], color='#dbe8f6', width=0.8, label='relaxed')
    axes.bar(x, [100 * row['accuracy'] for row in rows], color=BLUE, width=0.5, label='exact')
    axes.vlines(x, low, high, color='#10305a', linewidth=1)
    axes.set_xticks(x, object_names(objects, [row['object'] for row in rows]), rotation=90, fontsize=7.5)
    axes.set_ylim(0, 103)
    axes.set_xlabel('object')
    axes.set_ylabel('% of hold windows')
    axes.legend(loc='upper center', bbox_to_anchor=(0.5, 1.16), ncols=2)
    return figure


@styled
def over_time(scores: dict, bin_ms: float) -> Figure:
    """Accuracy bin by bin from cue to release."""
    course = scores['object']['over_time']
    seconds = (np.array(course['bin']) + 1) * bin_ms / 1e3
    figure = Figure(figsize=(7, 2.8))
    axes = figure.add_subplot()
    axes.plot(seconds, 100 * np.array(course['relaxed_accuracy']), color=LIGHT_BLUE, linewidth=2, label='relaxed')
    axes.plot(seconds, 100 * np.array(course['accuracy']), color=BLUE, linewidth=2, label='exact')
    axes.axhline(100 * scores['object']['chance']['accuracy'], color=GREY, linewidth=1, linestyle=':', label='chance')
    _mark_events(axes, course['events'], bin_ms)
    axes.set_ylim(0, 103)
    axes.set_xlim(seconds[0], seconds[-1])
    axes.set_xlabel('end of the bin, s from Hold (events at their medians)')
    axes.set_ylabel('% of trials')
    axes.legend(loc='lower right')
    return figure


@styled
def calibration(scores: dict) -> Figure:
    """Reliability curve: how often the decoder is right when it says how sure it is."""
    figure = Figure(figsize=(3.4, 3.1))
    axes = figure.add_subplot()
    _reliability(axes, scores['object']['calibration'])
    axes.set_ylabel('share correct')
    axes.set_title(f'calibration error {scores["object"]["calibration_error"]:.3f}')
    return figure


@styled
def grip_posterior(scores: dict) -> Figure:
    """Reliability of the controller's posterior over grips, one panel per period."""
    found = scores['object']['grip_posterior']
    figure = Figure(figsize=(2.5 * len(found), 2.7))
    panels = figure.subplots(1, len(found), sharey=True, squeeze=False)[0]
    for axes, (period, row) in zip(panels, found.items()):
        _reliability(axes, row['curve'])
        axes.set_title(f'{GRIP_PERIODS[period]}: error {row["error"]:.3f}')
    panels[0].set_ylabel('share of the right grip')
    return figure


@styled
def decisions(scores: dict) -> Figure:
    """When a decoder that waits until it is sure decides, and how well."""
    rows = [row for row in scores['object']['decision_times'] if row['accuracy'] is not None]
    x = [row['confidence'] for row in rows]
    figure = Figure(figsize=(3.6, 3.1))
    axes = figure.add_subplot()
    axes.plot(x, [100 * row['accuracy'] for row in rows], 'o-', color=BLUE, label='correct')
    axes.plot(x, [100 * row['decided'] for row in rows], 's-', color=LIGHT_BLUE, label='decided before release')
    axes.set_ylim(0, 103)
    axes.set_xlabel('decides at a confidence of')
    axes.set_ylabel('% of trials')
    times = axes.twinx()
    times.spines['right'].set_visible(True)
    times.plot(x, [row['median_s_after_hold'] for row in rows], '^--', color=ORANGE, label='median time')
    times.set_ylabel('s from Hold', color=ORANGE)
    low, high = times.get_ylim()
    times.set_ylim(low - 0.1, high + 0.1)
    handles = [*axes.get_lines(), *times.get_lines()]
    axes.legend(handles, [str(handle.get_label()) for handle in handles], loc='lower left', fontsize=7.5)
    return figure


@styled
def training_curve(scores: dict) -> Figure:
    """Accuracy by the share of trials for training and validation (the paper's table 5)."""
    rows = sorted(scores['training_curve'], key=lambda row: row['train_fraction'])
    figure = Figure(figsize=(4.6, 3))
    axes = figure.add_subplot()
    curves = (('decoder', 'decoder', BLUE), ('lda', 'LDA', GREY), ('seed_bilstm', "the paper's BiLSTM", ORANGE))
    for name, label, colour in curves:
        found = [row for row in rows if name in row]
        if found:
            x = [100 * row['train_fraction'] for row in found]
            low, high = 100 * np.array([row[name]['ci95'] for row in found]).T
            axes.plot(x, [100 * row[name]['accuracy'] for row in found], 'o-', color=colour, label=label)
            axes.fill_between(x, low, high, color=colour, alpha=0.15, linewidth=0)
    axes.set_xlabel('% of trials for training and validation')
    axes.set_ylabel('% of hold windows correct')
    axes.legend(loc='lower right')
    return figure


@styled
def example_trial(evaluation: Evaluation) -> Figure:
    """One held-out trial: spikes, phase, the probability of its object and the degree of freedom."""
    decoded = evaluation.repeats[0][0]
    trial = decoded.trial
    hold = trial.event_bins.get('Hold', 0)
    seconds = (np.arange(trial.n_bins) + 1 - hold) * trial.bin_ns / 1e9
    panels = [name for name in ('objects', 'grasp', 'dof') if getattr(decoded, name) is not None]
    figure = Figure(figsize=(7.2, 2 + 1.1 * len(panels)))
    axes = figure.subplots(len(panels) + 1, 1, sharex=True, height_ratios=[2] + [1] * len(panels))
    order = np.argsort(trial.counts.sum(axis=0))
    axes[0].imshow(
        np.sqrt(trial.counts[:, order].T),
        aspect='auto',
        cmap='Greys',
        origin='lower',
        vmax=2,
        vmin=0,
        extent=(seconds[0] - trial.bin_ns / 1e9, seconds[-1], 0, trial.counts.shape[1]),
        interpolation='nearest',
    )
    axes[0].set_ylabel('units')
    held = f', {evaluation.objects.find(trial.object_id).label}' if trial.object_id >= 0 else ''
    axes[0].set_title(f'trial {trial.trial_id}{held}', pad=14)
    for axis, name in zip(axes[1:], panels):
        if name == 'objects':
            axis.plot(seconds, decoded.objects[:, evaluation.classes.index(trial.object_id)], color=GREEN)
            axis.set_ylabel('P(object)')
        elif name == 'grasp':
            axis.fill_between(seconds, trial.phase, step='pre', color='#e3e6ea', label='hold phase')
            axis.step(seconds, decoded.grasp, color=BLUE, label='decoded')
            axis.set_ylabel('grasp')
        else:
            for target, answer, colour in zip(trial.dof.reshape(trial.n_bins, -1).T, decoded.dof.T, CHANNELS):
                axis.plot(seconds, target, color=colour, linewidth=3, alpha=0.3)
                axis.plot(seconds, answer, color=colour)
            axis.set_ylabel('movement' if evaluation.movement else 'aperture')
        axis.set_ylim(-0.08, 1.08)
    for axis in axes:
        _mark_events(
            axis,
            {
                label: trial.event_bins[label] - hold
                for label in ('Cue', 'Go', 'Hold', 'Rew')
                if label in trial.event_bins
            },
            trial.bin_ns / 1e6,
            named=axis is axes[0],
        )
    axes[-1].set_xlabel('s from Hold' if 'Hold' in trial.event_bins else 's')
    return figure


@styled
def movement(evaluation: Evaluation) -> Figure:
    """Recorded and decoded movement over some held-out trials, one panel per channel."""
    movement, decoded = evaluation.movement, evaluation.repeats[0][:TRIALS_OF_MOVEMENT]
    low, high = np.array(movement.low), np.array(movement.high)
    target = low + np.concatenate([each.trial.dof for each in decoded]) * (high - low)
    answer = low + np.concatenate([each.dof for each in decoded]) * (high - low)
    bins = np.cumsum([0, *(each.trial.n_bins for each in decoded)])
    seconds = np.arange(bins[-1]) * evaluation.bin_ms / 1e3
    figure = Figure(figsize=(7.2, 0.6 + 1.3 * len(low)))
    for channel, axes in enumerate(figure.subplots(len(low), 1, sharex=True, squeeze=False)[:, 0]):
        axes.plot(seconds, target[:, channel], color=GREY, linewidth=2.5, alpha=0.6, label='recorded')
        axes.plot(seconds, answer[:, channel], color=ORANGE, linewidth=1.2, label='decoded')
        axes.vlines(seconds[bins[1:-1]], *axes.get_ylim(), color='#e3e6ea', linewidth=0.8, zorder=0)
        axes.set_ylabel(f'channel {channel + 1}')
        if channel == 0:
            axes.legend(loc='upper right', ncols=2, bbox_to_anchor=(1, 1.25))
    axes.set_xlabel('s of decoding, trial after trial')
    return figure


def _reliability(axes, curve: Sequence[dict]) -> None:
    confidence = np.array([point['confidence'] for point in curve])
    accuracy = [point['accuracy'] for point in curve]
    windows = np.array([point['windows'] for point in curve])
    axes.plot([0, 1], [0, 1], color=GREY, linewidth=1, linestyle=':')
    axes.plot(confidence, accuracy, color=BLUE, linewidth=1.5)
    axes.scatter(confidence, accuracy, s=12 + 120 * windows / windows.max(), color=BLUE)
    axes.set_xlim(0, 1.03)
    axes.set_ylim(0, 1.03)
    axes.set_xlabel('confidence')


def _mark_events(axes, events: dict[str, float], bin_ms: float, named: bool = True) -> None:
    for label, offset in events.items():
        x = offset * bin_ms / 1e3
        axes.axvline(x, color='#c2c7cf', linewidth=0.8, zorder=0)
        if named:
            axes.annotate(
                label,
                (x, 1),
                (2, 1),
                xycoords=('data', 'axes fraction'),
                textcoords='offset points',
                fontsize=7.5,
                color='#5a606b',
                va='bottom',
            )

"""Scores of decoded trials, each with a 95 % interval.

Windows of one trial resemble each other, so intervals resample whole trials (a cluster bootstrap: Field and Welsh
2007), never windows. When splits are repeated, a trial that was tested several times stays one cluster.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.metrics import confusion_matrix, f1_score

from grasp_decoder.features.windows import object_windows, phase_windows
from grasp_decoder.learning.evaluation.decoded_trials import DecodedTrial
from grasp_decoder.types.decoded_grasp import GRASP

RESAMPLES = 2000
DEBOUNCE_BINS = 3
CONFIDENCES = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
SHAPE_OF_ITS_OWN = 15


@dataclass(frozen=True)
class ObjectDecodes:
    """Decodes of windows (or of whole trials) with the object that was held.

    Attributes:
        probability: float (n, n_classes).
        label: int (n,), class index.
        trial: int (n,), id of the trial.
        classes: object ids, ascending.
    """

    probability: np.ndarray
    label: np.ndarray
    trial: np.ndarray
    classes: tuple[int, ...]

    @property
    def answer(self) -> np.ndarray:
        """Class index of the most probable object, int (n,)."""
        return self.probability.argmax(axis=1)

    @property
    def correct(self) -> np.ndarray:
        return self.answer == self.label

    @property
    def relaxed_correct(self) -> np.ndarray:
        """Correct, or the neighbouring class: the object next in size or shape."""
        return np.abs(self.answer - self.label) <= 1


def hold_windows(decoded: Sequence[DecodedTrial], classes: Sequence[int], look_back: int) -> ObjectDecodes:
    """The decodes of all windows that end in a hold phase."""
    trials = [each.trial for each in decoded]
    windows = object_windows(trials, look_back)
    probability = [each.objects[windows.last_bin[windows.trial == i]] for i, each in enumerate(decoded)]
    ids = np.array([trial.trial_id for trial in trials])
    return ObjectDecodes(
        np.concatenate(probability), np.searchsorted(classes, windows.label), ids[windows.trial], tuple(classes)
    )


def end_of_hold(windows: ObjectDecodes) -> ObjectDecodes:
    """One decode per trial: the log-probabilities of its hold windows, accumulated until the end of hold."""
    _, first, trial = np.unique(windows.trial, return_index=True, return_inverse=True)
    evidence = np.zeros((len(first), len(windows.classes)))
    np.add.at(evidence, trial, np.log(np.maximum(windows.probability, 1e-12)))
    return ObjectDecodes(evidence, windows.label[first], windows.trial[first], windows.classes)


def object_summary(repeats: Sequence[ObjectDecodes]) -> dict:
    """Scores of the object for metrics.json: means over the repeats, intervals over the trials of all of them."""
    windows, trials = pool(repeats), pool([end_of_hold(repeat) for repeat in repeats])
    return mean_scores([_object_scores(repeat) for repeat in repeats]) | {
        'ci95': mean_interval(windows.correct, windows.trial),
        'relaxed_ci95': mean_interval(windows.relaxed_correct, windows.trial),
        'trial_ci95': mean_interval(trials.correct, trials.trial),
        'n_windows': len(windows.label),
        'n_trials': len(trials.label),
        'accuracy_of_repeats': [float(repeat.correct.mean()) for repeat in repeats],
    }


def _object_scores(windows: ObjectDecodes) -> dict:
    return {
        'accuracy': float(windows.correct.mean()),
        'relaxed_accuracy': float(windows.relaxed_correct.mean()),
        'f1': float(f1_score(windows.label, windows.answer, average='macro', zero_division=0)),
        'trial_accuracy': float(end_of_hold(windows).correct.mean()),
        'calibration_error': calibration(windows)['error'],
    }


def mean_scores(rows: Sequence[dict]) -> dict:
    """Mean of each score over repeats that have it; None when none has."""
    means = {}
    for key in rows[0]:
        values = [row[key] for row in rows if row[key] is not None]
        means[key] = np.mean(values, axis=0).tolist() if values else None
    return means


def pool(repeats: Sequence[ObjectDecodes]) -> ObjectDecodes:
    """The decodes of all repeats together."""
    return ObjectDecodes(
        *(np.concatenate([getattr(repeat, name) for repeat in repeats]) for name in ('probability', 'label', 'trial')),
        repeats[0].classes,
    )


def object_chance(n_classes: int) -> dict:
    """What guessing evenly among the classes scores."""
    return {'accuracy': 1 / n_classes, 'relaxed_accuracy': (3 * n_classes - 2) / n_classes**2}


def confusion(windows: ObjectDecodes) -> np.ndarray:
    """Windows by true (row) and decoded (column) class, int (n_classes, n_classes)."""
    return confusion_matrix(windows.label, windows.answer, labels=range(len(windows.classes)))


def per_object(windows: ObjectDecodes) -> list[dict]:
    """Scores of each class that was tested."""
    rows = []
    for index, object_id in enumerate(windows.classes):
        own = windows.label == index
        if own.any():
            rows.append(
                {
                    'object': object_id,
                    'windows': int(own.sum()),
                    'trials': len(np.unique(windows.trial[own])),
                    'accuracy': float(windows.correct[own].mean()),
                    'relaxed_accuracy': float(windows.relaxed_correct[own].mean()),
                    'ci95': mean_interval(windows.correct[own], windows.trial[own]),
                }
            )
    return rows


def shape_and_size(windows: ObjectDecodes) -> dict:
    """Shape (tens digit) and size (units digit) scored apart, and their product, as Fabiani (2021) reports.

    Object 15 is a shape of its own on the mixed turntable: it is scored apart.
    """
    ids = np.array(windows.classes)
    true, decoded = ids[windows.label], ids[windows.answer]
    own = true == SHAPE_OF_ITS_OWN
    scores = {'shape_15_accuracy': float((decoded[own] == SHAPE_OF_ITS_OWN).mean()) if own.any() else None}
    true, decoded, trial = true[~own], decoded[~own], windows.trial[~own]
    shape = (true // 10 == decoded // 10) & (decoded != SHAPE_OF_ITS_OWN)
    size = true % 10 == decoded % 10
    if len(true):
        scores.update(
            shape_accuracy=float(shape.mean()),
            shape_ci95=mean_interval(shape, trial),
            size_accuracy=float(size.mean()),
            size_ci95=mean_interval(size, trial),
            product=float(shape.mean() * size.mean()),
        )
    return scores


def calibration(windows: ObjectDecodes, bins: int = 10) -> dict:
    """Reliability curve and expected calibration error (Guo et al. 2017)."""
    confidence = windows.probability.max(axis=1)
    index = np.minimum((confidence * bins).astype(int), bins - 1)
    curve = [
        {
            'confidence': float(confidence[index == b].mean()),
            'accuracy': float(windows.correct[index == b].mean()),
            'windows': int((index == b).sum()),
        }
        for b in range(bins)
        if (index == b).any()
    ]
    error = sum(point['windows'] * abs(point['confidence'] - point['accuracy']) for point in curve) / len(confidence)
    return {'error': float(error), 'curve': curve}


def accuracy_over_time(decoded: Sequence[DecodedTrial], classes: Sequence[int]) -> dict:
    """Accuracy per bin from cue to release, bins counted from Hold; where at least half of the trials have a bin."""
    correct: dict[int, list[tuple[bool, bool]]] = {}
    for each in decoded:
        events, label = each.trial.event_bins, classes.index(each.trial.object_id)
        for k in range(events.get('Cue', 0), min(events.get('End', each.trial.n_bins - 1) + 1, each.trial.n_bins)):
            if not np.isnan(each.objects[k, 0]):
                off = abs(int(each.objects[k].argmax()) - label)
                correct.setdefault(k - events['Hold'], []).append((off == 0, off <= 1))
    offsets = sorted(k for k, trials in correct.items() if 2 * len(trials) >= len(decoded))
    events = {
        label: float(np.median([each.trial.event_bins[label] - each.trial.event_bins['Hold'] for each in decoded]))
        for label in ('Cue', 'Go', 'Hold', 'Rew', 'End')
        if all(label in each.trial.event_bins for each in decoded)
    }
    means = [np.mean(correct[k], axis=0) for k in offsets]
    return {
        'bin': offsets,
        'accuracy': [float(mean[0]) for mean in means],
        'relaxed_accuracy': [float(mean[1]) for mean in means],
        'trials': [len(correct[k]) for k in offsets],
        'events': events,
    }


def decision_times(decoded: Sequence[DecodedTrial], classes: Sequence[int]) -> list[dict]:
    """When a decoder that waits for a confidence decides: first bin from Go on (Cue or the start without one), to Rew.

    Times are seconds from Hold to the end of that bin, negative before it.
    """
    rows = []
    for confidence in CONFIDENCES:
        times, correct = [], []
        for each in decoded:
            events = each.trial.event_bins
            start = events.get('Go', events.get('Cue', 0))
            sure = np.flatnonzero(each.objects[start : events['Rew']].max(axis=1) >= confidence)
            if len(sure):
                k = start + sure[0]
                times.append((k + 1 - events['Hold']) * each.trial.bin_ns / 1e9)
                correct.append(classes[each.objects[k].argmax()] == each.trial.object_id)
        rows.append(
            {
                'confidence': confidence,
                'decided': len(times) / len(decoded),
                'accuracy': float(np.mean(correct)) if correct else None,
                'median_s_after_hold': float(np.median(times)) if times else None,
            }
        )
    return rows


def phase_summary(repeats: Sequence[Sequence[DecodedTrial]], look_back: int) -> dict:
    """Scores of the phase for metrics.json: means over repeats; ``confusion`` is their sum, rows true, REST first."""
    decoded = [trial for repeat in repeats for trial in repeat]
    tables, ids = phase_confusions(decoded, look_back), [each.trial.trial_id for each in decoded]
    return mean_scores([_phase_scores(repeat, look_back) for repeat in repeats]) | {
        'confusion': tables.sum(axis=0).reshape(2, 2).tolist(),
        'ci95': interval(tables, ids, _phase_accuracy),
        'f1_ci95': interval(tables, ids, _phase_f1),
        'n_windows': int(tables.sum()),
        'chance': {'accuracy': float(tables[:, :2].sum() / tables.sum()), 'f1': 0.0},
    }


def _phase_scores(decoded: Sequence[DecodedTrial], look_back: int) -> dict:
    table = phase_confusions(decoded, look_back).sum(axis=0)
    onset, offset, missed, false_onsets = _transitions(decoded)
    rest_s = sum(np.count_nonzero(each.trial.phase != GRASP) * each.trial.bin_ns for each in decoded) / 1e9
    return {
        'accuracy': float(_phase_accuracy(table)),
        'f1': float(_phase_f1(table)),
        'onset_error_bins': float(np.median(np.abs(onset))) if onset else None,
        'offset_error_bins': float(np.median(np.abs(offset))) if offset else None,
        'missed_grasps': missed / len(decoded),
        'false_onsets_per_minute': false_onsets / (rest_s / 60),
    }


def phase_confusions(decoded: Sequence[DecodedTrial], look_back: int) -> np.ndarray:
    """Per trial, windows that are (rest as rest, rest as grasp, grasp as rest, grasp as grasp), int (n_trials, 4)."""
    windows = phase_windows([each.trial for each in decoded], look_back)
    answer = np.concatenate([each.grasp[look_back - 1 : each.trial.n_bins] for each in decoded])
    table = np.zeros((len(decoded), 4), int)
    np.add.at(table, (windows.trial, 2 * windows.label + answer), 1)
    return table


def dof_summary(repeats: Sequence[Sequence[DecodedTrial]], look_back: int) -> dict:
    """R2 over all windows, mean over repeats and degrees of freedom."""
    rows = []
    for repeat in repeats:
        r2 = _r2(_dof_sums(repeat, look_back).sum(axis=0))
        rows.append({'r2': float(r2.mean()), 'r2_each': r2.tolist()})
    decoded = [trial for repeat in repeats for trial in repeat]
    sums, ids = _dof_sums(decoded, look_back), [each.trial.trial_id for each in decoded]
    return mean_scores(rows) | {'ci95': interval(sums, ids, lambda total: _r2(total).mean(axis=-1))}


def mean_interval(values: np.ndarray, trial: np.ndarray) -> list[float]:
    """95 % interval of the mean of ``values`` (n,) that come from trials ``trial`` (n,)."""
    sums = np.column_stack([values, np.ones(len(values))])
    return interval(sums, trial, lambda total: total[..., 0] / total[..., 1])


def interval(sums: np.ndarray, trial: Sequence[int], statistic: Callable[[np.ndarray], np.ndarray]) -> list[float]:
    """95 % interval of a statistic of sums over trials, by resampling trials.

    Args:
        sums: (n, ...), addends; those of the same trial belong together.
        trial: (n,), id of the trial of each addend.
        statistic: totals (..., k) -> value (...).
    """
    _, index = np.unique(trial, return_inverse=True)
    per_trial = np.zeros((index.max() + 1, *sums.shape[1:]))
    np.add.at(per_trial, index, sums)
    n = len(per_trial)
    weights = np.random.default_rng(0).multinomial(n, np.full(n, 1 / n), RESAMPLES)
    with np.errstate(invalid='ignore', divide='ignore'):
        values = statistic(np.tensordot(weights, per_trial, axes=1))
    return [float(bound) for bound in np.nanpercentile(values, [2.5, 97.5])]


def _phase_accuracy(table):
    return (table[..., 0] + table[..., 3]) / table.sum(axis=-1)


def _phase_f1(table):
    errors = table[..., 1] + table[..., 2]
    return 2 * table[..., 3] / np.maximum(2 * table[..., 3] + errors, 1)


def _transitions(decoded: Sequence[DecodedTrial]) -> tuple[list[int], list[int], int, int]:
    """Errors in bins of decoded onsets and offsets, grasps without an onset, and onsets without a grasp.

    Runs of fewer than `DEBOUNCE_BINS` bins are debounced away on both sides.
    """
    onset, offset, missed, false_onsets = [], [], 0, 0
    for each in decoded:
        true = np.flatnonzero(each.trial.phase == GRASP)
        matches = []
        for start, stop in _runs(debounce(each.grasp)):
            if len(true) and start <= true[-1] and stop > true[0]:
                matches.append((start, stop))
            else:
                false_onsets += 1
        if matches:
            onset.append(matches[0][0] - true[0])
            offset.append(matches[-1][1] - 1 - true[-1])
        missed += bool(len(true)) and not matches
    return onset, offset, missed, false_onsets


def debounce(grasp: np.ndarray) -> np.ndarray:
    """Decisions (n,) without changes that last fewer than `DEBOUNCE_BINS` bins; a change keeps its own time."""
    steady = np.zeros(len(grasp), bool)
    state, run = False, 0
    for k, value in enumerate(grasp):
        run = run + 1 if value != state else 0
        if run == DEBOUNCE_BINS:
            state, run = bool(value), 0
            steady[k - DEBOUNCE_BINS + 1 : k] = state
        steady[k] = state
    return steady


def _runs(mask: np.ndarray) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.concatenate([[0], mask.astype(np.int8), [0]])))
    return list(zip(edges[::2], edges[1::2]))


def _dof_sums(decoded: Sequence[DecodedTrial], look_back: int) -> np.ndarray:
    """Per trial and degree of freedom: windows, sum and sum of squares of the target, sum of squared errors."""
    sums = []
    for each in decoded:
        target = each.trial.dof.reshape(each.trial.n_bins, -1)[look_back - 1 :].astype(np.float64)
        error = each.dof[look_back - 1 : each.trial.n_bins] - target
        sums.append(
            np.stack(
                [
                    np.full(target.shape[1], len(target)),
                    target.sum(axis=0),
                    (target**2).sum(axis=0),
                    (error**2).sum(axis=0),
                ],
                axis=-1,
            )
        )
    return np.array(sums)


def _r2(sums):
    n, total, squares, errors = np.moveaxis(np.asarray(sums, np.float64), -1, 0)
    return 1 - errors / (squares - total**2 / n)

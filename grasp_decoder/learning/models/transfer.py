"""Start training on another day's recording from a bundle: its recurrent network, behind a read-in for today's units.

Spike sorting gives every day other units, in other numbers and another order, so a read-in is worth nothing on the next
day. What it reads out is: the *latents* (outputs of the read-in) that go with each object at each moment of a trial are
what the recurrent network has learnt to understand. So today's read-in is the ridge regression from today's counts to
the mean latents of that day, noise that units share whitened away, and training goes on from that day's recurrent
network and read-out. Days need no units in common; latent alignment as such is known from Gallego et al. (2020) and
Degenhart et al. (2020).
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

import numpy as np

from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.features.count_features import SQUARE_ROOT_LUT, count_features
from grasp_decoder.features.read_in import ReadIn
from grasp_decoder.features.trial_bins import TrialBins
from grasp_decoder.learning.models.fisher_read_in import EVENTS, noise_covariance, whitening
from grasp_decoder.learning.models.gru_graph import StepWeights
from grasp_decoder.learning.models.training import FitProblem

POINTS = 4
"""Moments at which the latents between two events are kept."""

RIDGE = np.geomspace(0.3, 3000, 13)

Start = Mapping[str, np.ndarray]
"""Content of a bundle's ``TASK_start.npz``: ``gru_0..2`` and ``read_out_0..1`` as Keras keeps them, ``objects`` (n,),
``events``, ``latents`` (n, moments, k) of each object and their mean over trials ``mean_latents`` (moments, k)."""


def start_for_others(problem: FitProblem, read_in: ReadIn, step: StepWeights) -> Start:
    """What training on another day starts from."""
    events = common_events(problem.train)
    latents = _moments(problem.train, events) @ read_in.kernel + read_in.bias
    objects = np.array([trial.object_id for trial in problem.train])
    known = np.unique(objects)
    return {
        **{f'gru_{i}': weights for i, weights in enumerate(step.gru)},
        **{f'read_out_{i}': weights for i, weights in enumerate(step.read_out)},
        'objects': known,
        'classes': np.array(problem.classes, int),
        'events': np.array(events, 'U16'),
        'latents': np.array([latents[objects == each].mean(axis=0) for each in known], np.float32),
        'mean_latents': latents.mean(axis=0).astype(np.float32),
    }


def common_events(trials: Sequence[TrialBins]) -> list[str]:
    """The events that structure every one of the trials."""
    return [label for label in EVENTS if all(label in trial.event_bins for trial in trials)]


def aligned_read_in(problem: FitProblem, start: Start) -> tuple[np.ndarray, np.ndarray]:
    """Kernel float32 (units, k) and bias (k,) that make today's latents resemble those of ``start``.

    How strongly the regression is held back is chosen on the validation trials; outputs have unit variance.

    Raises:
        GraspDecoderError: today's trials lack events that ``start`` was made with, or its network has no trace.
    """
    if len(start['gru_0']) != 2 * start['latents'].shape[-1]:
        raise GraspDecoderError(
            'the network of the bundle to start from was made by an older version; train that day once more'
        )
    events = start['events'].tolist()
    if missing := set(events) - set(common_events([*problem.train, *problem.validation])):
        raise GraspDecoderError(
            f'the bundle to start from knows trials with the event {sorted(missing)[0]}, which '
            'this session lacks; train without --init-from'
        )
    rows, wanted = _rows(problem.train, events, start)
    white = whitening(_noise(problem.train, rows))
    centre, wanted_centre = rows.mean(axis=(0, 1)), wanted.mean(axis=(0, 1))
    left, strength, right = np.linalg.svd(_flat(rows - centre) @ white, full_matrices=False)
    loading = left.T @ _flat(wanted - wanted_centre)
    held_rows, held_wanted = _rows(problem.validation, events, start)
    held_rows, held_wanted = _flat(held_rows - centre) @ white, _flat(held_wanted - wanted_centre)
    kernels = [right.T @ ((strength / (strength**2 + ridge))[:, None] * loading) for ridge in RIDGE]
    kernel = white @ min(kernels, key=lambda each: np.square(held_rows @ each - held_wanted).sum())
    outputs = np.concatenate([count_features(trial.counts, SQUARE_ROOT_LUT) @ kernel for trial in problem.train])
    spread = np.maximum(outputs.std(axis=0), 1e-6)
    return (kernel / spread).astype(np.float32), (-outputs.mean(axis=0) / spread).astype(np.float32)


def read_out_for(classes: Sequence[int], start: Start) -> list[np.ndarray]:
    """Weights of the read-out with an output per class: those of ``start``, and their mean for classes new to it."""
    known = start['classes'].tolist()
    return [
        np.stack(
            [weights[..., known.index(each)] if each in known else weights.mean(axis=-1) for each in classes], axis=-1
        )
        for weights in (start['read_out_0'], start['read_out_1'])
    ]


def _rows(trials, events, start) -> tuple[np.ndarray, np.ndarray]:
    """Counts at every moment of every trial (n, moments, units), and the latents wanted there (n, moments, k)."""
    latents = dict(zip(start['objects'].tolist(), start['latents']))
    return (
        _moments(trials, events),
        np.array([latents.get(trial.object_id, start['mean_latents']) for trial in trials]),
    )


def _moments(trials: Sequence[TrialBins], events: Sequence[str]) -> np.ndarray:
    """Mean square roots of counts in each quarter of each stretch between two events, (n, moments, units)."""
    return np.array([_trial_moments(trial, events) for trial in trials])


def _trial_moments(trial: TrialBins, events: Sequence[str]) -> list[np.ndarray]:
    features = count_features(trial.counts, SQUARE_ROOT_LUT)
    return [_mean(features, first, last) for first, last in _bounds(trial, events)]


def _mean(rows: np.ndarray, first: int, last: int) -> np.ndarray:
    first = min(first, len(rows) - 1)
    return rows[first : max(last, first + 1)].mean(axis=0)


def _bounds(trial: TrialBins, events: Sequence[str]) -> list[tuple[int, int]]:
    edges = [0, *sorted(min(trial.event_bins[event], trial.n_bins - 1) for event in events), trial.n_bins]
    cuts = [np.linspace(first, last, POINTS + 1).round().astype(int) for first, last in itertools.pairwise(edges)]
    return [(first, last) for each in cuts for first, last in itertools.pairwise(each)]


def _noise(trials: Sequence[TrialBins], rows: np.ndarray) -> np.ndarray:
    """Covariance of the counts around the means of their moment and of their object, (units, units)."""
    _, label = np.unique([trial.object_id for trial in trials], return_inverse=True)
    stretch, quarter = np.divmod(np.arange(rows.shape[1]), POINTS)
    n = len(trials)
    return noise_covariance(
        _flat(rows).astype(np.float32), np.tile(stretch, n), np.tile(quarter, n), np.repeat(label, rows.shape[1])
    )


def _flat(rows: np.ndarray) -> np.ndarray:
    return rows.reshape(-1, rows.shape[-1])

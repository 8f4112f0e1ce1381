# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""What every model family needs to be trained: the problem, the loop that keeps the best epoch, calibration.

Training is deterministic by seed. It ends when validation stops improving, when the time is over or on Ctrl-C, and in
each case the weights of the best epoch on the validation trials are the ones that are kept. The best epoch is the one
with the lowest loss: the score of few trials has many ties, and its first maximum comes long before a network is sure.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

import keras
import numpy as np
import tensorflow as tf
from scipy.special import softmax

from grasp_decoder.bundle.task_network import DOF, OBJECT, PHASE, TASKS
from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.features.trial_bins import TrialBins

UNKNOWN = -1
"""Target of a bin in which nothing can be known of the class yet."""

GRASP_THRESHOLDS = (0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8)
"""Holds last longer in training than in a session, so GRASP comes out too probable; never too improbable."""

Progress = Callable[[int, int, str], None]
"""Called as ``progress(epochs done, epochs at most, message)`` after every epoch."""


@dataclass(frozen=True)
class FitProblem:
    """One task to learn.

    Attributes:
        task: ``phase``, ``object`` or ``dof``.
        train, validation: trials; validation decides when to stop and calibrates, it is never trained on.
        negatives: further trials to train on, in which nothing was grasped or not what the object id says.
        classes: object ids of all outputs, ascending.
        look_back: bins of a window, for window models.
        seed: of initial weights, shuffling and dropout.
        progress: told about every epoch.
        max_seconds: training stops when so much time is over since the problem was made. What is done before the first
            epoch, such as fitting a read-in, counts.
        begun_s: when the problem was made, CLOCK_MONOTONIC in s.
    """

    task: str
    train: Sequence[TrialBins]
    validation: Sequence[TrialBins]
    classes: tuple[int, ...]
    look_back: int
    seed: int
    progress: Progress
    max_seconds: float
    negatives: Sequence[TrialBins] = ()
    begun_s: float = field(default_factory=time.monotonic, init=False)

    def __post_init__(self) -> None:
        if self.task not in TASKS:
            raise GraspDecoderError(f'there is no task {self.task!r}; use one of {", ".join(TASKS)}')
        if not self.train or not self.validation:
            raise GraspDecoderError(f'{self.task}: training needs at least one training and one validation trial')
        if self.task == OBJECT and len(self.classes) < 2:
            raise GraspDecoderError('object: there is only one class to decode; record at least two objects')
        if not any(trial.counts.any() for trial in self.train):
            raise GraspDecoderError(f'{self.task}: no unit has a spike in the training trials')
        if self.task == DOF and not all(np.isfinite(trial.dof).all() for trial in (*self.train, *self.validation)):
            raise GraspDecoderError('dof: the kinematics contain NaN; leave these trials out or interpolate them')

    @property
    def unit_count(self) -> int:
        return self.train[0].counts.shape[1]

    @property
    def is_movement(self) -> bool:
        """Whether the degrees of freedom are a recorded movement, and not the aperture of trials."""
        return self.task == DOF and self.train[0].dof.ndim > 1

    @property
    def output_count(self) -> int:
        if self.task == DOF:
            return 1 if self.train[0].dof.ndim == 1 else self.train[0].dof.shape[1]
        return 2 if self.task == PHASE else len(self.classes)

    def targets(self, trial: TrialBins) -> np.ndarray:
        """Target of every bin: class index int32 (n_bins,), or for dof float32 (n_bins, outputs)."""
        if self.task == DOF:
            return trial.dof.reshape(trial.n_bins, -1).astype(np.float32)
        if self.task == PHASE:
            return trial.phase.astype(np.int32)
        return np.full(trial.n_bins, self.classes.index(trial.object_id), np.int32)

    def scored(self, trial: TrialBins) -> np.ndarray:
        """Bins that count in the score, bool (n_bins,): the hold phase for the object, else every bin."""
        return trial.phase.astype(bool) if self.task == OBJECT else np.ones(trial.n_bins, bool)

    def loss(self) -> Callable:
        """Loss of a model's outputs against `targets`, of which some may be `UNKNOWN`.

        A model of several members, which learn side by side, gives their outputs one after the other,
        (..., members * n), and the loss is the mean of theirs.
        """
        of_each = _squared_error if self.task == DOF else partial(_cross_entropy, prior=self._prior())

        def loss(target, outputs):
            target = keras.ops.expand_dims(target, -2 if self.task == DOF else -1)
            return keras.ops.mean(of_each(target, _members(outputs, self.output_count)), axis=-1)

        return loss

    def score(self) -> keras.metrics.Metric:
        """Metric ``score`` of the members' mean, larger is better: accuracy, or for dof minus the squared error."""

        def score(target, outputs):
            output = keras.ops.mean(_members(outputs, self.output_count), axis=-2)
            if self.task == DOF:
                return -_squared_error(target, output)
            return keras.ops.cast(keras.ops.argmax(output, axis=-1) == target, 'float32')

        return keras.metrics.MeanMetricWrapper(score, name='score')

    def _prior(self) -> np.ndarray:
        """How often the training trials have each class (n_classes,): all that is known of an `UNKNOWN` one."""
        targets = np.concatenate([self.targets(trial)[self.scored(trial)] for trial in self.train])
        return np.bincount(targets, minlength=self.output_count).astype(np.float32) / len(targets)


def _members(outputs, output_count: int):
    """(..., members * n) -> (..., members, n)."""
    members = outputs.shape[-1] // output_count
    return keras.ops.reshape(outputs, (*keras.ops.shape(outputs)[:-1], members, output_count))


def _cross_entropy(target, logits, prior):
    one_hot = keras.ops.one_hot(target, len(prior))
    wanted = keras.ops.where(target[..., None] == UNKNOWN, prior, one_hot)
    return -keras.ops.sum(wanted * keras.ops.log_softmax(logits, axis=-1), axis=-1)


def _squared_error(target, output):
    return keras.ops.mean(keras.ops.square(target - output), axis=-1)


def make_deterministic(seed: int) -> None:
    """One seed, one result: seeds Python, numpy and TensorFlow, and makes TensorFlow's operators deterministic."""
    keras.utils.set_random_seed(seed)
    tf.config.experimental.enable_op_determinism()


def train_best(
    problem: FitProblem,
    model: keras.Model,
    training,
    validation,
    *,
    epochs: int,
    patience: float = math.inf,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    **fit_options,
) -> float:
    """Train a compiled model in place and leave it with the weights of its best epoch, the lowest validation loss.

    Returns the validation score of that epoch.

    Args:
        model: compiled with `FitProblem.score` as a weighted metric.
        training: (inputs, targets, weights) or a `keras.utils.PyDataset`.
        validation: likewise.
        epochs: at most.
        patience: epochs without a better validation score after which training stops; default never.
        callbacks: further ones, e.g. a schedule of the learning rate.
        fit_options: of `keras.Model.fit`.
    """
    best = _BestEpoch(problem, epochs, patience)
    if isinstance(training, tuple):
        inputs, targets, weights = training
        fit_options |= {'x': inputs, 'y': targets, 'sample_weight': weights}
    else:
        fit_options |= {'x': training}
    try:
        model.fit(validation_data=validation, epochs=epochs, callbacks=[best, *callbacks], verbose=0, **fit_options)
    except KeyboardInterrupt:
        if best.weights is None:
            raise
        problem.progress(epochs, epochs, f'{problem.task}: interrupted')
    model.set_weights(best.weights)
    return best.score


class _BestEpoch(keras.callbacks.Callback):
    """Keeps the weights of the best epoch; stops on patience and when the next epoch would not end in time."""

    def __init__(self, problem: FitProblem, epochs: int, patience: float):
        super().__init__()
        self.weights = None
        self.score = -np.inf
        self._lowest_loss = np.inf
        self._highest_score = -np.inf
        self._improved = 0
        self._problem = problem
        self._epochs = epochs
        self._patience = patience
        self._epoch_began_s = time.monotonic()

    def on_epoch_end(self, epoch, logs=None):
        score, loss = logs['val_score'], logs['val_loss']
        if self.weights is None or loss < self._lowest_loss:
            self.weights, self.score, self._lowest_loss = self.model.get_weights(), score, loss
        if score > self._highest_score:
            self._highest_score, self._improved = score, epoch
        self._problem.progress(epoch + 1, self._epochs, f'{self._problem.task}: validation {score:.4f}')
        now_s = time.monotonic()
        next_ends_s = now_s + (now_s - self._epoch_began_s)  # it takes as long as this one
        self._epoch_began_s = now_s
        out_of_time = next_ends_s - self._problem.begun_s > self._problem.max_seconds
        if out_of_time or epoch - self._improved >= self._patience:
            self.model.stop_training = True


def calibrate(logits: np.ndarray, targets: np.ndarray, weights: np.ndarray | None = None) -> float:
    """The temperature at which logits (n, classes) are best calibrated for class indices (n,).

    It minimises the negative log-likelihood of held-out data (temperature scaling, Guo et al. 2017), in which every row
    may have a weight (n,).
    """
    temperatures = np.geomspace(0.1, 20, 110)
    losses = [cross_entropy(logits / temperature, targets, weights) for temperature in temperatures]
    return float(temperatures[np.argmin(losses)])


def grasp_threshold(probability: np.ndarray, grasp: np.ndarray) -> float:
    """The least of `GRASP_THRESHOLDS` for the probability of GRASP (n,) with the highest F1 for what is GRASP (n,)."""
    said = [probability >= threshold for threshold in GRASP_THRESHOLDS]
    f1 = [2 * (each & grasp).sum() / max(1, each.sum() + grasp.sum()) for each in said]
    return GRASP_THRESHOLDS[int(np.argmax(f1))]


def cross_entropy(logits: np.ndarray, targets: np.ndarray, weights: np.ndarray | None = None) -> float:
    """Mean negative log-likelihood of class indices (n,) by logits (n, classes), with weights (n,)."""
    logits = logits - logits.max(axis=1, keepdims=True)
    log_likelihood = logits[np.arange(len(targets)), targets] - np.log(np.exp(logits).sum(axis=1))
    return float(-np.average(log_likelihood, weights=weights))


def probabilities(task: str, logits: np.ndarray, temperature: float) -> np.ndarray:
    """Logits (..., n) as float32 probabilities, or for dof as apertures in 0..1; NaN stays NaN."""
    if task == DOF:
        return np.clip(logits, 0, 1).astype(np.float32)
    return softmax(logits / temperature, axis=-1).astype(np.float32)

# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""The model of the paper that this project implements: a bidirectional LSTM over a window of raw counts.

Architecture and training as in its published code (object: one layer; phase: two), but for one thing: training stops
early on validation trials, where that code stops on its test trials. Table 2 of the paper names other architectures for
the object, one per animal: `fit_table_2`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import keras
import numpy as np

from grasp_decoder.bundle.task_network import DOF, OBJECT, PHASE, WINDOW, TaskNetwork
from grasp_decoder.features.count_features import IDENTITY_LUT, count_features
from grasp_decoder.features.trial_bins import TrialBins
from grasp_decoder.learning.models.graph_layers import fixed_convolution, fixed_dense
from grasp_decoder.learning.models.training import FitProblem, calibrate, probabilities, train_best

BATCH = 256


REGULARISERS = {
    None: None,
    'L1': keras.regularizers.L1(0.01),
    'L2': keras.regularizers.L2(0.01),
    'L1L2': keras.regularizers.L1L2(l1=0.01, l2=0.01),
}
"""Name in table 2 -> regulariser, with the paper's weights."""


@dataclass(frozen=True)
class Architecture:
    """What the paper's table 2 varies. A regulariser is one of `REGULARISERS`."""

    layers: int = 1
    units: int = 40
    dropout: float = 0.8
    kernel_regulariser: str | None = 'L2'
    recurrent_regulariser: str | None = 'L2'
    learning_rate: float = 1e-3


@dataclass(frozen=True)
class _Schedule:
    """How long a task is trained, and when the learning rate is halved."""

    epochs: int
    patience: int
    halving_patience: int
    smallest_rate: float


ARCHITECTURES = {OBJECT: Architecture(), PHASE: Architecture(layers=2), DOF: Architecture()}
"""Task -> the architecture of the published code."""

TABLE_2 = {'M': Architecture(layers=2), 'Z': Architecture(dropout=0.7, recurrent_regulariser='L1L2')}
"""Animal -> the architecture that the paper's search selected for its objects."""

SCHEDULES = {
    OBJECT: _Schedule(epochs=100, patience=20, halving_patience=5, smallest_rate=5e-5),
    PHASE: _Schedule(epochs=20, patience=10, halving_patience=3, smallest_rate=1e-4),
    DOF: _Schedule(epochs=20, patience=10, halving_patience=3, smallest_rate=1e-4),
}


def fit_seed_bilstm(
    problem: FitProblem, architecture: Architecture | None = None, name: str = 'seed_bilstm'
) -> TaskNetwork:
    """Fit the paper's BiLSTM; see `grasp_decoder.learning.models.fitting.fit`.

    Args:
        architecture: default the published one of the task.
        name: of the model family.
    """
    model, _ = train_seed_bilstm(problem, architecture or ARCHITECTURES[problem.task])
    return _task_network(problem, model, name)


def fit_table_2(problem: FitProblem, animal: str) -> TaskNetwork:
    """Fit what table 2 of the paper selected for the objects of an animal; other tasks as published."""
    architecture = TABLE_2[animal] if problem.task == OBJECT else None
    return fit_seed_bilstm(problem, architecture, f'seed_bilstm_{animal.lower()}')


def train_seed_bilstm(problem: FitProblem, architecture: Architecture) -> tuple[keras.Model, float]:
    """Train the window model; give it with its best validation score (accuracy; for dof minus the squared error)."""
    schedule = SCHEDULES[problem.task]
    model = _window_model(problem, architecture)
    model.compile(keras.optimizers.Adam(architecture.learning_rate), problem.loss(), weighted_metrics=[problem.score()])
    halving = keras.callbacks.ReduceLROnPlateau(
        monitor='val_score', mode='max', factor=0.5, patience=schedule.halving_patience, min_lr=schedule.smallest_rate
    )
    score = train_best(
        problem,
        model,
        _WindowBatches(problem, problem.train, shuffle=True),
        _WindowBatches(problem, problem.validation),
        epochs=schedule.epochs,
        patience=schedule.patience,
        callbacks=[halving],
    )
    return model, score


class _WindowBatches(keras.utils.PyDataset):
    """Batches (windows of counts float32 (n, look_back, units), targets) of the scored windows of some trials.

    Windows are copied out of the shared bins one batch at a time.
    """

    def __init__(self, problem: FitProblem, trials: Sequence[TrialBins], shuffle: bool = False):
        super().__init__()
        self._bins = np.concatenate([trial.counts for trial in trials])
        self._targets = np.concatenate([problem.targets(trial) for trial in trials])
        within = np.concatenate([np.arange(trial.n_bins) for trial in trials])
        scored = np.concatenate([problem.scored(trial) for trial in trials])
        self._last = np.flatnonzero(scored & (within >= problem.look_back - 1))
        self._offsets = np.arange(1 - problem.look_back, 1)
        self._shuffle = np.random.default_rng(problem.seed).shuffle if shuffle else lambda order: None
        self._shuffle(self._last)

    def __len__(self):
        return -(-len(self._last) // BATCH)

    def __getitem__(self, index):
        last = self._last[index * BATCH : (index + 1) * BATCH]
        return self._bins[last[:, None] + self._offsets].astype(np.float32), self._targets[last]

    def on_epoch_end(self):
        self._shuffle(self._last)


def _window_model(problem: FitProblem, architecture: Architecture) -> keras.Model:
    """Windows of counts (batch, look_back, units) -> logits (batch, outputs)."""
    inputs = x = keras.Input((problem.look_back, problem.unit_count))
    for index in range(architecture.layers):
        x = keras.layers.Bidirectional(
            keras.layers.LSTM(
                architecture.units,
                return_sequences=index < architecture.layers - 1,
                dropout=architecture.dropout,
                kernel_regularizer=REGULARISERS[architecture.kernel_regulariser],
                recurrent_regularizer=REGULARISERS[architecture.recurrent_regulariser],
            ),
            name=f'bilstm_{index}',
        )(x)
    return keras.Model(inputs, keras.layers.Dense(problem.output_count, name='read_out')(x))


def _task_network(problem: FitProblem, model: keras.Model, name: str) -> TaskNetwork:
    layers = [
        (layer.forward_layer.cell.get_weights(), layer.backward_layer.cell.get_weights())
        for layer in model.layers
        if isinstance(layer, keras.layers.Bidirectional)
    ]
    read_out = model.get_layer('read_out').get_weights()

    def logits(trials):
        return [_trial_logits(layers, read_out, trial.counts, problem.look_back) for trial in trials]

    temperature = 1.0
    if problem.task != DOF:
        outputs = np.concatenate(logits(problem.validation))
        targets = np.concatenate([problem.targets(trial) for trial in problem.validation])
        scored = np.concatenate([problem.scored(trial) for trial in problem.validation]) & ~np.isnan(outputs[:, 0])
        temperature = calibrate(outputs[scored], targets[scored])
    return TaskNetwork(
        task=problem.task,
        model=name,
        kind=WINDOW,
        look_back=problem.look_back,
        lut=IDENTITY_LUT,
        graph=_window_graph(layers, read_out, problem.look_back, problem.unit_count),
        temperature=temperature,
        predict=lambda trials: [probabilities(problem.task, output, temperature) for output in logits(trials)],
    )


def _trial_logits(layers, read_out, counts: np.ndarray, look_back: int) -> np.ndarray:
    """Logits (n_bins, outputs) of every window of a trial, NaN before the first full one.

    All windows run side by side, and each bin goes through the input projection once for all windows that it is in.
    """
    kernel, bias = read_out
    logits = np.full((len(counts), len(bias)), np.nan, np.float32)
    if len(counts) < look_back:
        return logits
    windows = np.arange(len(counts) - look_back + 1)[:, None] + np.arange(look_back)
    x = count_features(counts, IDENTITY_LUT)
    for index, directions in enumerate(layers):
        projected = [x @ input_kernel + bias for input_kernel, _, bias in directions]
        if index == 0:
            projected = [part[windows] for part in projected]
        forward = _lstm(projected[0], directions[0][1])
        backward = _lstm(projected[1][:, ::-1], directions[1][1])[:, ::-1]
        x = np.concatenate([forward, backward], axis=2)
    last = np.concatenate([forward[:, -1], backward[:, 0]], axis=1)
    logits[look_back - 1 :] = last @ kernel + bias
    return logits


def _lstm(projected: np.ndarray, recurrent: np.ndarray) -> np.ndarray:
    """Hidden states (n, steps, units) of an LSTM from its projected inputs (n, steps, 4 * units)."""
    hidden = cell = np.zeros((len(projected), len(recurrent)), np.float32)
    states = np.empty((*projected.shape[:2], len(recurrent)), np.float32)
    for step in range(projected.shape[1]):
        in_gate, forget, candidate, out_gate = np.split(projected[:, step] + hidden @ recurrent, 4, axis=1)
        cell = _sigmoid(forget) * cell + _sigmoid(in_gate) * np.tanh(candidate)
        states[:, step] = hidden = _sigmoid(out_gate) * np.tanh(cell)
    return states


def _sigmoid(x: np.ndarray) -> np.ndarray:
    return 0.5 * (1 + np.tanh(0.5 * x))


def _window_graph(layers, read_out, look_back: int, unit_count: int) -> keras.Model:
    """The network unrolled over the bins of one window, without loops or reversals.

    What an LSTM hears and says at one step has the shape (1, 1, 1, n).
    """
    features = keras.Input(batch_shape=(1, look_back, unit_count), name='features')
    bins = keras.layers.Reshape((look_back, 1, unit_count))(features)
    sequence = [bins[:, step : step + 1] for step in range(look_back)]
    for forward_weights, backward_weights in layers:
        forward = _unrolled_lstm(sequence, forward_weights)
        backward = _unrolled_lstm(sequence[::-1], backward_weights)[::-1]
        sequence = [keras.layers.Concatenate()(pair) for pair in zip(forward, backward)]
    last = keras.layers.Flatten()(keras.layers.Concatenate()([forward[-1], backward[0]]))
    return keras.Model(features, {'logits': fixed_dense(*read_out)(last)})


def _unrolled_lstm(sequence: list, weights) -> list:
    """Hidden states of an LSTM, one per step; ``sequence`` holds its inputs.

    The candidate is computed apart from the gates, so that an int8 model has other ranges for it.
    """
    units = len(weights[1])
    in_gate, forget, candidate, out_gate = np.split(np.arange(4 * units), 4)
    gates = _pre_activation(weights, np.concatenate([in_gate, forget, out_gate]))
    candidates = _pre_activation(weights, candidate)
    multiply, add = keras.layers.Multiply(), keras.layers.Add()
    sigmoid, tanh = keras.layers.Activation('sigmoid'), keras.layers.Activation('tanh')
    hidden = cell = None
    states = []
    for x in sequence:
        opened = sigmoid(gates(x, hidden))
        admit, keep, emit = (opened[..., start : start + units] for start in range(0, 3 * units, units))
        admitted = multiply([admit, tanh(candidates(x, hidden))])
        cell = admitted if cell is None else add([multiply([keep, cell]), admitted])
        hidden = multiply([emit, tanh(cell)])
        states.append(hidden)
    return states


def _pre_activation(weights, columns: np.ndarray) -> Callable:
    """Some columns of an LSTM's weights as a function of its input and hidden state, which is None at first."""
    kernel, recurrent, bias = (part[..., columns] for part in weights)
    project, recur = fixed_convolution(kernel, bias), fixed_convolution(recurrent, np.zeros_like(bias))
    add = keras.layers.Add()
    return lambda x, hidden: project(x) if hidden is None else add([project(x), recur(hidden)])

"""The causal GRU: linear read-in, one gated recurrent layer with its state carried from the start of the segment.

Trained over whole trials, exported as one step with its state as an input (Cho et al. 2014; the candidate's reset gate
is applied after the recurrent product, as in cuDNN).
"""

from __future__ import annotations

from collections.abc import Sequence

import keras
import numpy as np

from grasp_decoder.bundle.task_network import DOF, OBJECT, RECURRENT, TaskNetwork
from grasp_decoder.features.trial_bins import TrialBins
from grasp_decoder.learning.graph_layers import fixed_dense, two_part_dense
from grasp_decoder.learning.training import SQUARE_ROOT_LUT, FitProblem, calibrate, probabilities, train_best
from grasp_decoder.learning.trial_arrays import longest, padded_counts, padded_targets, scored_bins

READ_IN = 48
STATE = 64
BATCH = 64
EPOCHS = 100
PATIENCE = 20
LEARNING_RATE = 4e-3


def fit_causal_gru(problem: FitProblem) -> TaskNetwork:
    """Fit a causal GRU; see `grasp_decoder.learning.fitting.fit`."""
    n_bins = longest(problem.train, problem.validation)
    counts = padded_counts(problem.train, n_bins)
    validation = tuple(part(problem.validation) for part in (
        lambda trials: padded_counts(trials, n_bins), lambda trials: padded_targets(problem, trials, n_bins),
        lambda trials: scored_bins(problem, trials, n_bins).astype(np.float32)))
    model = _sequence_model(problem, counts)
    model.compile(keras.optimizers.Adam(LEARNING_RATE), problem.loss(), weighted_metrics=[problem.score()])
    decay = keras.callbacks.ReduceLROnPlateau(monitor='val_score', mode='max', factor=0.5, patience=6, min_lr=2e-4)
    train_best(problem, model, (counts, padded_targets(problem, problem.train, n_bins),
                                _bin_weights(problem, problem.train, n_bins)),
               validation, epochs=EPOCHS, patience=PATIENCE, callbacks=[decay], batch_size=BATCH)
    return _task_network(problem, model)


def _bin_weights(problem: FitProblem, trials: Sequence[TrialBins], n_bins: int) -> np.ndarray:
    """Weight of every bin in the loss: what is scored counts 1; for the object, what comes before it 0.1."""
    weights = scored_bins(problem, trials, n_bins).astype(np.float32)
    if problem.task == OBJECT:
        for row, trial in zip(weights, trials):
            row[trial.event_bins.get('Cue', 0):trial.event_bins['Hold']] = 0.1
    return weights


def _sequence_model(problem: FitProblem, counts: np.ndarray) -> keras.Model:
    """Counts (batch, n_bins, units) -> logits (batch, n_bins, outputs)."""
    features = SQUARE_ROOT_LUT[counts[::4]].reshape(-1, problem.unit_count)
    spread = features.std(axis=0)
    standardise = keras.layers.Normalization(mean=features.mean(axis=0), variance=np.where(spread, spread, np.inf) ** 2)
    inputs = keras.Input((None, problem.unit_count), dtype='uint8')
    x = standardise(keras.ops.sqrt(keras.ops.cast(inputs, 'float32')))
    x = keras.layers.Dropout(0.3, noise_shape=(None, 1, problem.unit_count))(x)
    x = keras.layers.Dense(READ_IN, name='read_in', kernel_regularizer=keras.regularizers.L2(1e-3))(x)
    x = keras.layers.GRU(STATE, return_sequences=True, name='gru')(x)
    x = keras.layers.Dropout(0.4)(x)
    return keras.Model(inputs, keras.layers.Dense(problem.output_count, name='read_out')(x))


def _task_network(problem: FitProblem, model: keras.Model) -> TaskNetwork:
    def logits(trials):
        outputs = model.predict(padded_counts(trials, longest(trials)), batch_size=32, verbose=0)
        return [output[:trial.n_bins] for output, trial in zip(outputs, trials)]

    temperature = 1.0
    if problem.task != DOF:
        scored = [problem.scored(trial) for trial in problem.validation]
        temperature = calibrate(
            np.concatenate([output[bins] for output, bins in zip(logits(problem.validation), scored)]),
            np.concatenate([problem.targets(trial)[bins] for trial, bins in zip(problem.validation, scored)]))
    return TaskNetwork(
        task=problem.task, model='causal_gru', kind=RECURRENT, look_back=1, lut=SQUARE_ROOT_LUT,
        graph=_step_graph(model, problem.unit_count), temperature=temperature,
        predict=lambda trials: [probabilities(problem.task, output, temperature) for output in logits(trials)])


def _step_graph(model: keras.Model, unit_count: int) -> keras.Model:
    """One step of the sequence model, from layers that an Edge TPU takes; standardisation folded into the read-in."""
    standardise = next(layer for layer in model.layers if isinstance(layer, keras.layers.Normalization))
    mean, spread = (np.asarray(value).reshape(-1) for value in (standardise.mean, np.sqrt(standardise.variance)))
    kernel, bias = model.get_layer('read_in').get_weights()
    kernel = kernel / spread[:, None]
    bias = bias - mean @ kernel
    input_kernels, state_kernels, (input_bias, state_bias) = model.get_layer('gru').get_weights()
    input_kernels, state_kernels, input_bias, state_bias = (
        np.split(part, 3, axis=-1) for part in (input_kernels, state_kernels, input_bias, state_bias))

    features = keras.Input(batch_shape=(1, unit_count), name='features')
    state = keras.Input(batch_shape=(1, STATE), name='state')
    x = two_part_dense(kernel, bias)(features)

    def gate(index, sign=1):
        """Keras keeps the gates in the order update, reset, candidate; its update gate is the share that is kept."""
        pre_activation = keras.layers.Add()([
            fixed_dense(sign * input_kernels[index], sign * (input_bias[index] + state_bias[index]))(x),
            fixed_dense(sign * state_kernels[index], np.zeros(STATE))(state)])
        return keras.layers.Activation('sigmoid')(pre_activation)

    keep, update, reset = gate(0), gate(0, -1), gate(1)
    recurrent = keras.layers.Multiply()([reset, fixed_dense(state_kernels[2], state_bias[2])(state)])
    candidate = keras.layers.Activation('tanh')(
        keras.layers.Add()([fixed_dense(input_kernels[2], input_bias[2])(x), recurrent]))
    new_state = keras.layers.Add()([keras.layers.Multiply()([keep, state]),
                                    keras.layers.Multiply()([update, candidate])])
    return keras.Model([features, state], {'logits': fixed_dense(*model.get_layer('read_out').get_weights())(new_state),
                                           'update': update, 'candidate': candidate})


"""Causal GRUs: a linear read-in and one gated recurrent layer whose state is carried from the start of the segment.

Trained over whole trials, exported as one step with its state as an input (Cho et al. 2014; the candidate's reset gate
is applied after the recurrent product, as in cuDNN). The families differ in the read-in:

- ``causal_gru`` learns it with the rest by gradient descent;
- ``fisher_gru`` takes it from `fisher_read_in` and trains on its few outputs, with noise added to them. That is faster,
  and with a dozen trials per object it generalises far better: 552 units times 48 weights are what overfits.

`continue_gru` is neither: it goes on from the network of another day (`grasp_decoder.learning.models.transfer`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import keras
import numpy as np
from scipy.linalg import block_diag

from grasp_decoder.bundle.task_network import DOF, OBJECT, RECURRENT, TaskNetwork
from grasp_decoder.features.count_features import SQUARE_ROOT_LUT, count_features
from grasp_decoder.features.trial_bins import TrialBins
from grasp_decoder.learning.models.fisher_read_in import OBJECT_RANK, fisher_read_in
from grasp_decoder.learning.models.graph_layers import fixed_dense, two_part_dense
from grasp_decoder.learning.models.training import (
    UNKNOWN,
    FitProblem,
    calibrate,
    probabilities,
    train_best,
)
from grasp_decoder.learning.models.transfer import Start, aligned_read_in, read_out_for, start_for_others
from grasp_decoder.learning.models.trial_arrays import longest, padded_counts, padded_targets, scored_bins

STATE = 64
LARGEST_BATCH = 64
STEPS_PER_EPOCH = 7  # at least, so that a small session gets as many steps as a large one
STATE_DROPOUT = 0.4
NOISE = 0.7
WEIGHT_BEFORE_HOLD = 0.1
WEIGHT_BEFORE_CUE = 0.1


@dataclass(frozen=True)
class _Recipe:
    """How one family is trained.

    Attributes:
        name: of the family.
        members: networks that learn side by side from different random weights; their mean answers.
        prepare: trials, bins to pad to -> what the trained layers take, (n_trials, n_bins, k).
        front: input tensor, member -> input of its GRU, while training.
        read_in: trained model, member -> kernel (units, k) and bias (k,) from features to the input of its GRU.
        start: of another day, whose weights training starts with; all its members go on as one.
    """

    name: str
    members: int
    epochs: int
    learning_rate: float
    prepare: Callable[[Sequence[TrialBins], int], np.ndarray]
    front: Callable
    read_in: Callable[[keras.Model, int], tuple[np.ndarray, np.ndarray]]
    start: Start | None = None


def fit_causal_gru(problem: FitProblem) -> TaskNetwork:
    """Fit a GRU with a learnt read-in; see `grasp_decoder.learning.models.fitting.fit`."""
    features = count_features(np.concatenate([trial.counts[::4] for trial in problem.train]), SQUARE_ROOT_LUT)
    mean, spread = features.mean(axis=0), features.std(axis=0)
    scale = np.divide(1, spread, out=np.zeros_like(spread), where=spread > 0)  # silent units carry nothing

    def front(counts, member):
        x = (keras.ops.sqrt(keras.ops.cast(counts, 'float32')) - mean) * scale
        x = keras.layers.Dropout(0.3, noise_shape=(None, 1, problem.unit_count))(x)
        return keras.layers.Dense(48, name=f'read_in_{member}', kernel_regularizer=keras.regularizers.L2(1e-3))(x)

    def read_in(model, member):
        kernel, bias = model.get_layer(f'read_in_{member}').get_weights()
        kernel = kernel * scale[:, None]
        return kernel, bias - mean @ kernel

    members = 3 if problem.task == OBJECT else 1
    return _fit(problem, _Recipe('causal_gru', members, 60, 4e-3, padded_counts, front, read_in))


def fit_fisher_gru(
    problem: FitProblem,
    *,
    members: int | None = None,
    noise: float = NOISE,
    shrink_means: bool = True,
    object_rank: int = OBJECT_RANK,
) -> TaskNetwork:
    """Fit a GRU on the Fisher read-in; see `grasp_decoder.learning.models.fitting.fit`.

    Args:
        members: networks whose mean answers; default 2 for the object, else 1.
        noise: standard deviation of the noise on the read-in's outputs while training, which have unit variance.
        shrink_means, object_rank: of `fisher_read_in`.
    """
    members = members or (2 if problem.task == OBJECT else 1)
    return _fit(problem, _fixed_read_in(*fisher_read_in(problem.train, shrink_means, object_rank), noise, members))


def continue_gru(problem: FitProblem, start: Start) -> TaskNetwork:
    """Fit a GRU on a read-in that makes today's units say what those of another day said, starting from its weights.

    The schedule is the one of `fit_fisher_gru`: shorter and slower ones came out worse on validation trials.
    """
    return _fit(problem, _fixed_read_in(*aligned_read_in(problem, start), NOISE, 1, start))


def _fixed_read_in(
    kernel: np.ndarray, bias: np.ndarray, noise: float, members: int, start: Start | None = None
) -> _Recipe:
    def prepare(trials, n_bins):
        padded = np.zeros((len(trials), n_bins, len(bias)), np.float32)
        for row, trial in zip(padded, trials):
            row[: trial.n_bins] = count_features(trial.counts, SQUARE_ROOT_LUT) @ kernel + bias
        return padded

    return _Recipe(
        'fisher_gru',
        members,
        40 if members == 1 else 28,
        1e-2,
        prepare,
        lambda source, member: keras.layers.GaussianNoise(noise)(source),
        lambda model, member: (kernel, bias),
        start,
    )


def _fit(problem: FitProblem, recipe: _Recipe) -> TaskNetwork:
    n_bins = longest(problem.train, problem.validation)
    inputs = recipe.prepare(problem.train, n_bins)
    model = _sequence_model(problem, recipe, inputs)
    if recipe.start is not None:
        model.get_layer('gru_0').set_weights([recipe.start[f'gru_{i}'] for i in range(3)])
        model.get_layer('read_out_0').set_weights(
            read_out_for(problem.classes, recipe.start)
            if problem.task == OBJECT
            else [recipe.start[f'read_out_{i}'] for i in range(2)]
        )
    batch = max(1, min(LARGEST_BATCH, len(inputs) // STEPS_PER_EPOCH))
    steps = recipe.epochs * -(-len(inputs) // batch)
    rate = keras.optimizers.schedules.CosineDecay(
        recipe.learning_rate / 10, steps, alpha=0.01, warmup_target=recipe.learning_rate, warmup_steps=steps // 15
    )
    model.compile(keras.optimizers.Adam(rate), problem.loss(), weighted_metrics=[problem.score()])
    train_best(
        problem,
        model,
        (inputs, _targets(problem, problem.train, n_bins), _bin_weights(problem, problem.train, n_bins)),
        (
            recipe.prepare(problem.validation, n_bins),
            padded_targets(problem, problem.validation, n_bins),
            scored_bins(problem, problem.validation, n_bins).astype(np.float32),
        ),
        epochs=recipe.epochs,
        batch_size=batch,
    )
    return _task_network(problem, recipe, model)


def _bin_weights(problem: FitProblem, trials: Sequence[TrialBins], n_bins: int) -> np.ndarray:
    """Weight of every bin in the loss: 1 where it is scored; for the object, less from the cue to the hold phase."""
    weights = scored_bins(problem, trials, n_bins).astype(np.float32)
    if problem.task == OBJECT:
        for row, trial in zip(weights, trials):
            row[: trial.event_bins['Hold']] = WEIGHT_BEFORE_HOLD
            row[: trial.event_bins.get('Cue', 0)] = WEIGHT_BEFORE_CUE
    return weights


def _targets(problem: FitProblem, trials: Sequence[TrialBins], n_bins: int) -> np.ndarray:
    """Targets of every bin; before the cue no object is known."""
    targets = padded_targets(problem, trials, n_bins)
    if problem.task == OBJECT:
        for row, trial in zip(targets, trials):
            row[: trial.event_bins.get('Cue', 0)] = UNKNOWN
    return targets


def _sequence_model(problem: FitProblem, recipe: _Recipe, inputs: np.ndarray) -> keras.Model:
    """What `_Recipe.prepare` gives (batch, n_bins, k) -> outputs of all members (batch, n_bins, members * outputs)."""
    source = keras.Input((None, inputs.shape[2]), dtype=inputs.dtype.name)
    state = STATE if recipe.start is None else len(recipe.start['gru_1'])
    outputs = []
    for member in range(recipe.members):
        x = keras.layers.GRU(state, return_sequences=True, name=f'gru_{member}')(recipe.front(source, member))
        x = keras.layers.Dropout(STATE_DROPOUT)(x)
        outputs.append(keras.layers.Dense(problem.output_count, name=f'read_out_{member}')(x))
    return keras.Model(source, outputs[0] if len(outputs) == 1 else keras.layers.Concatenate()(outputs))


def _task_network(problem: FitProblem, recipe: _Recipe, model: keras.Model) -> TaskNetwork:
    def logits(trials):
        outputs = model.predict(recipe.prepare(trials, longest(trials)), batch_size=32, verbose=0)
        outputs = outputs.reshape(*outputs.shape[:2], recipe.members, problem.output_count).mean(axis=2)
        return [output[: trial.n_bins] for output, trial in zip(outputs, trials)]

    temperature = 1.0
    if problem.task != DOF:
        trials = problem.validation
        weights = _bin_weights(problem, trials, longest(trials))
        temperature = calibrate(
            np.concatenate(logits(trials)),
            np.concatenate([problem.targets(trial) for trial in trials]),
            np.concatenate([row[: trial.n_bins] for row, trial in zip(weights, trials)]),
        )
    parts = _joined(
        [
            (
                recipe.read_in(model, member),
                model.get_layer(f'gru_{member}').get_weights(),
                model.get_layer(f'read_out_{member}').get_weights(),
            )
            for member in range(recipe.members)
        ]
    )
    return TaskNetwork(
        task=problem.task,
        model=recipe.name,
        kind=RECURRENT,
        look_back=1,
        lut=SQUARE_ROOT_LUT,
        graph=_step_graph(*parts),
        temperature=temperature,
        start=start_for_others(problem, *parts),
        predict=lambda trials: [probabilities(problem.task, output, temperature) for output in logits(trials)],
    )


def _joined(members):
    """The weights of one network that computes the mean of its members' outputs: their states lie side by side."""

    def by_gate(index, join):
        gates = zip(*(np.split(gru[index], 3, axis=1) for _, gru, _ in members))
        return np.concatenate([join(gate) for gate in gates], axis=1)

    read_ins, _, read_outs = zip(*members)
    read_in = [np.concatenate(part, axis=-1) for part in zip(*read_ins)]
    gru = by_gate(0, lambda gate: block_diag(*gate)), by_gate(1, lambda gate: block_diag(*gate)), by_gate(2, np.hstack)
    kernels, biases = zip(*read_outs)
    return read_in, gru, (np.concatenate(kernels) / len(members), np.mean(biases, axis=0))


def _step_graph(read_in, gru, read_out) -> keras.Model:
    """One step, from layers that an Edge TPU takes.

    Keras keeps the gates in the order update, reset, candidate, and its update gate is the share that is kept.
    """
    kernel, bias = read_in
    input_kernels, state_kernels, (input_bias, state_bias) = gru
    input_kernels, state_kernels, input_bias, state_bias = (
        np.split(part, 3, axis=-1) for part in (input_kernels, state_kernels, input_bias, state_bias)
    )

    features = keras.Input(batch_shape=(1, len(kernel)), name='features')
    state = keras.Input(batch_shape=(1, len(state_kernels[0])), name='state')
    x = two_part_dense(kernel, bias)(features)

    def gate(index, sign=1):
        return keras.layers.Activation('sigmoid')(
            keras.layers.Add()(
                [
                    fixed_dense(sign * input_kernels[index], sign * (input_bias[index] + state_bias[index]))(x),
                    fixed_dense(sign * state_kernels[index], np.zeros_like(state_bias[index]))(state),
                ]
            )
        )

    keep, update, reset = gate(0), gate(0, -1), gate(1)
    recurrent = keras.layers.Multiply()([reset, fixed_dense(state_kernels[2], state_bias[2])(state)])
    candidate = keras.layers.Activation('tanh')(
        keras.layers.Add()([fixed_dense(input_kernels[2], input_bias[2])(x), recurrent])
    )
    new_state = keras.layers.Add()(
        [keras.layers.Multiply()([keep, state]), keras.layers.Multiply()([update, candidate])]
    )
    return keras.Model(
        [features, state], {'logits': fixed_dense(*read_out)(new_state), 'update': update, 'candidate': candidate}
    )

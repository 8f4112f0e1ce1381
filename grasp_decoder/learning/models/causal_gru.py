# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Causal GRUs: a linear read-in and one gated recurrent layer whose state is carried from the start of the segment.

The families differ in the read-in:

- ``causal_gru`` learns it with the rest by gradient descent;
- ``fisher_gru`` takes it from `fisher_read_in` and trains on its few outputs and their trace, with noise added to them.
  That is faster, and with a dozen trials per object it generalises far better: 552 units times 48 weights are what
  overfits. In training, units are missing and fire more or less than usual. It can learn from several sessions, each
  behind a read-in of its own (`common_read_ins`).

Both families learn from `Life`, a movement from its trials as they were recorded; what comes out is one step,
`step_graph`.

The object network is the mean of two members that learn side by side from different random weights: the mean varies
less than one of them, and is less sensitive to int8 rounding, which is independent in the members.

`continue_gru` is neither: it goes on from the network of another day (`grasp_decoder.learning.models.transfer`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import keras
import numpy as np

from grasp_decoder.bundle.task_network import DOF, OBJECT, PHASE, RECURRENT, TaskNetwork
from grasp_decoder.features.count_features import SQUARE_ROOT_LUT, clip_counts, count_features
from grasp_decoder.features.read_in import ReadIn
from grasp_decoder.features.trial_bins import TrialBins
from grasp_decoder.features.unit_model_fitting import fit_unit_model
from grasp_decoder.learning.models.bin_labels import in_sequences, label_bins
from grasp_decoder.learning.models.earlier_sessions import EarlierSession, common_read_ins
from grasp_decoder.learning.models.gru_graph import StepWeights, joined, step_graph, with_trace
from grasp_decoder.learning.models.life import SEQUENCE_BINS, Life, RecordedTrials, in_pieces
from grasp_decoder.learning.models.novelty_fitting import fit_novelty_model
from grasp_decoder.learning.models.training import (
    UNKNOWN,
    FitProblem,
    calibrate,
    grasp_threshold,
    probabilities,
    train_best,
)
from grasp_decoder.learning.models.transfer import Start, read_in_for, read_out_for, start_for_others
from grasp_decoder.types.decoded_grasp import GRASP

STATE = 64
MEMBERS = 2
"""Networks whose mean answers for the object."""

EPOCHS, MOVEMENT_EPOCHS = 28, 60
"""Of grasps, and of a movement."""

BATCH = 32
LEAST_STEPS = 8
"""Batches of an epoch, at least, so that a small session gets as many steps as a large one."""

STRETCH = 1.4
"""An epoch has so many times the bins of the trials."""

STATE_DROPOUT = 0.4
UNIT_DROPOUT = 0.3
NOISE = 0.5
"""Standard deviation of the noise on the outputs of a fixed read-in while training; theirs is 1."""

COPIES = 16
"""Read-ins with units missing and others louder or softer, beside the one of all units."""

MISSING_SHARE, MOST_MISSING = 0.5, 0.5
"""Share of the sequences that are read through such a read-in; share of the units that one misses, at most."""

UNIT_GAIN = 0.15
"""Spread of the logarithm of single units' gains."""

GAIN_SHARE, GAIN_RANGE = 0.5, (0.6, 1.6)
"""Share of the sequences in which all rates are multiplied by one factor, and its range; none for a movement."""


@dataclass(frozen=True)
class _Lessons:
    """What a network learns from one session.

    Attributes:
        train, negatives: trials, as in a `FitProblem`.
        bins: all their bins side by side as the network takes them, (copies, bins, k). The first copy is as recorded,
            in the others units are missing and such like.
    """

    train: Sequence[TrialBins]
    negatives: Sequence[TrialBins]
    bins: np.ndarray


@dataclass(frozen=True)
class _Recipe:
    """How one family is trained.

    Attributes:
        name: of the family.
        learning_rate: the highest of its schedule.
        prepare: trials -> all their bins side by side as the network takes them, (bins, k).
        lessons: what is learnt from each session.
        scale: such bins (n, bins, k) with all rates multiplied by factors (n, 1, 1).
        inputs: such bins as the trained layers take them.
        front: input tensor -> input of the GRU, while training.
        read_in: trained model -> kernel (units, k) and bias (k,) from features to the input of its GRU.
        members: networks whose mean answers.
        start: of another day, whose weights training starts with; all its members go on as one.
    """

    name: str
    learning_rate: float
    prepare: Callable[[Sequence[TrialBins]], np.ndarray]
    lessons: Callable[[], Sequence[_Lessons]]
    scale: Callable[[np.ndarray, np.ndarray], np.ndarray]
    inputs: Callable[[np.ndarray], np.ndarray]
    front: Callable
    read_in: Callable[[keras.Model], tuple[np.ndarray, np.ndarray]]
    members: int
    start: Start | None = None


def fit_causal_gru(problem: FitProblem) -> TaskNetwork:
    """Fit a GRU with a learnt read-in; see `grasp_decoder.learning.models.fitting.fit`."""
    features = count_features(np.concatenate([trial.counts[::4] for trial in problem.train]), SQUARE_ROOT_LUT)
    mean, spread = features.mean(axis=0), features.std(axis=0)
    scale = np.divide(1, spread, out=np.zeros_like(spread), where=spread > 0)  # silent units carry nothing
    negatives = _negatives(problem)

    def prepare(trials):
        return np.concatenate([clip_counts(trial.counts) for trial in trials])

    def front(counts):
        x = (keras.ops.sqrt(counts) - mean) * scale
        x = keras.layers.Dropout(UNIT_DROPOUT, noise_shape=(None, 1, problem.unit_count))(x)
        return keras.layers.Dense(48, name='read_in', kernel_regularizer=keras.regularizers.L2(1e-3))(x)

    def read_in(model):
        kernel, bias = model.get_layer('read_in').get_weights()
        kernel = kernel * scale[:, None]
        return kernel, bias - mean @ kernel

    return _fit(
        problem,
        _Recipe(
            name='causal_gru',
            learning_rate=4e-3,
            prepare=prepare,
            lessons=lambda: [_Lessons(problem.train, negatives, prepare([*problem.train, *negatives])[None])],
            scale=lambda counts, factor: counts * factor,
            inputs=lambda counts: counts.astype(np.float32),
            front=front,
            read_in=read_in,
            members=_members(problem),
        ),
    )


def fit_fisher_gru(problem: FitProblem, earlier: Sequence[EarlierSession] = ()) -> TaskNetwork:
    """Fit a GRU on the Fisher read-in; see `grasp_decoder.learning.models.fitting.fit`.

    Args:
        problem: what is to be learnt.
        earlier: sessions to learn from as well, each behind a read-in of its own.
    """
    read_in, *others = common_read_ins([problem.train, *(each.trials for each in earlier)])
    return _fit(problem, _fixed_read_in(problem, read_in, _members(problem), list(zip(earlier, others))))


def continue_gru(problem: FitProblem, start: Start) -> TaskNetwork:
    """Fit a GRU on a read-in that makes today's units say what those of another day said, starting from its weights.

    The schedule is the one of `fit_fisher_gru`: shorter and slower ones came out worse on validation trials.
    """
    return _fit(problem, _fixed_read_in(problem, read_in_for(problem, start), 1, start=start))


def _fixed_read_in(
    problem: FitProblem,
    read_in: ReadIn,
    members: int,
    earlier: Sequence[tuple[EarlierSession, ReadIn]] = (),
    start: Start | None = None,
) -> _Recipe:
    kernel, bias = read_in.kernel, read_in.bias
    sessions = [
        (read_in, problem.train, _negatives(problem)),
        *((its_own, session.trials, session.negatives) for session, its_own in earlier),
    ]
    return _Recipe(
        name='fisher_gru',
        learning_rate=1e-2,
        prepare=lambda trials: _through([(kernel, bias)], trials)[0],
        lessons=lambda: [_behind(its_own, *map(tuple, trials), problem.seed) for its_own, *trials in sessions],
        scale=lambda latents, factor: bias + np.sqrt(factor) * (latents - bias),
        inputs=with_trace,
        front=lambda source: keras.layers.GaussianNoise(NOISE)(source),
        read_in=lambda model: (kernel, bias),
        members=members,
        start=start,
    )


@lru_cache(maxsize=1)  # the networks of all tasks learn from the same trials
def _behind(read_in: ReadIn, train: Sequence[TrialBins], negatives: Sequence[TrialBins], seed: int) -> _Lessons:
    copies = _with_perturbed(train, seed, read_in.kernel, read_in.bias)
    return _Lessons(train, negatives, _through(copies, [*train, *negatives]))


def _negatives(problem: FitProblem) -> Sequence[TrialBins]:
    """None for a movement, which is known of usable trials only."""
    return () if problem.is_movement else problem.negatives


def _members(problem: FitProblem) -> int:
    return MEMBERS if problem.task == OBJECT else 1


def _with_perturbed(
    train: Sequence[TrialBins], seed: int, kernel: np.ndarray, bias: np.ndarray
) -> list[tuple[np.ndarray, np.ndarray]]:
    """The read-in, then with other units missing each time, for which the others stand in, and with other gains."""
    rng = np.random.default_rng(seed)
    units = fit_unit_model(train)
    found = [(kernel, bias)]
    for _ in range(COPIES):
        living = rng.permutation(len(kernel)) >= rng.uniform(0, MOST_MISSING) * len(kernel)
        standing_in, shifted = units.stand_in(kernel, bias, living)
        gain = np.exp(UNIT_GAIN * rng.standard_normal(len(kernel))).astype(np.float32)
        found.append((gain[:, None] * standing_in, shifted))
    return found


def _through(read_ins: Sequence[tuple[np.ndarray, np.ndarray]], trials: Sequence[TrialBins]) -> np.ndarray:
    """All bins of some trials, side by side, through each of some read-ins, float32 (read-ins, bins, k)."""
    all_at_once = ReadIn(*(np.concatenate(parts, axis=-1) for parts in zip(*read_ins)))
    width = all_at_once.width // len(read_ins)
    outputs = np.empty((len(read_ins), sum(trial.n_bins for trial in trials), width), np.float32)
    first = 0
    for trial in trials:
        last = first + trial.n_bins
        seen = all_at_once.of_bins(count_features(trial.counts, SQUARE_ROOT_LUT))
        outputs[:, first:last] = seen.reshape(trial.n_bins, len(read_ins), width).swapaxes(0, 1)
        first = last
    return outputs


class _Batches(keras.utils.PyDataset):
    """Batches (inputs, targets, weights) of sequences that are made anew for every epoch."""

    def __init__(self, problem: FitProblem, recipe: _Recipe):
        super().__init__()
        lessons = recipe.lessons()
        trials = [trial for each in lessons for trial in (*each.train, *each.negatives)]
        self._recipe = recipe
        self._gain_share = 0.0 if problem.is_movement else GAIN_SHARE
        self._rng = np.random.default_rng(problem.seed)
        self._bins = lessons[0].bins if len(lessons) == 1 else np.concatenate([each.bins for each in lessons], axis=1)
        targets, weights = zip(*(label_bins(problem, each.train, each.negatives) for each in lessons))
        self._labels = np.concatenate(targets), np.concatenate(weights)
        self._source: Life | RecordedTrials
        if problem.is_movement:
            self._source, self._batch = RecordedTrials(trials, self._rng), max(1, min(64, len(trials) // 7))
            self._steps = -(-len(trials) // self._batch)
        else:
            self._source, self._batch = Life(trials, self._rng), BATCH
            self._steps = max(LEAST_STEPS, round(STRETCH * self._bins.shape[1] / (BATCH * SEQUENCE_BINS)))
        self.on_epoch_end()

    def __len__(self):
        return self._steps

    def __getitem__(self, index):
        sequences = self._sequences[index * self._batch : (index + 1) * self._batch]
        n, copies = len(sequences), len(self._bins)
        missing = self._rng.random(n) < MISSING_SHARE
        copy = np.where(missing, self._rng.integers(min(1, copies - 1), copies, n), 0)
        factor = np.where(self._rng.random(n) < self._gain_share, self._rng.uniform(*GAIN_RANGE, n), 1).astype(
            np.float32
        )
        bins = self._recipe.scale(self._bins[copy[:, None], sequences], factor[:, None, None])
        return self._recipe.inputs(bins), *in_sequences(self._labels, sequences)

    def on_epoch_end(self):
        self._sequences = self._source.sequences(self._steps * self._batch)

    def release(self) -> None:
        """Give the bins back. TensorFlow keeps a data set that it has taken until the process ends."""
        del self._bins, self._labels, self._source


def _fit(problem: FitProblem, recipe: _Recipe) -> TaskNetwork:
    batches = _Batches(problem, recipe)
    model = _sequence_model(problem, recipe, batches[0][0].shape[2])
    if recipe.start is not None:
        model.get_layer('gru_0').set_weights([recipe.start[f'gru_{i}'] for i in range(3)])
        model.get_layer('read_out_0').set_weights(
            read_out_for(problem.classes, recipe.start)
            if problem.task == OBJECT
            else [recipe.start[f'read_out_{i}'] for i in range(2)]
        )
    epochs = MOVEMENT_EPOCHS if problem.is_movement else EPOCHS
    steps = epochs * len(batches)
    rate = keras.optimizers.schedules.CosineDecay(
        recipe.learning_rate / 10, steps, alpha=0.01, warmup_target=recipe.learning_rate, warmup_steps=steps // 15
    )
    model.compile(keras.optimizers.Adam(rate), problem.loss(), weighted_metrics=[problem.score()])
    held_out = in_pieces(problem.validation, None if problem.is_movement else SEQUENCE_BINS)
    validation = (
        recipe.inputs(recipe.prepare(problem.validation)[held_out]),
        *in_sequences(label_bins(problem, problem.validation), held_out),
    )
    train_best(problem, model, batches, validation, epochs=epochs)
    batches.release()
    return _task_network(problem, recipe, model)


def _sequence_model(problem: FitProblem, recipe: _Recipe, width: int) -> keras.Model:
    """What `_Recipe.inputs` gives, (batch, bins, width) -> outputs of all members (batch, bins, members * n)."""
    source = keras.Input((None, width))
    state = STATE if recipe.start is None else len(recipe.start['gru_1'])
    read_in, outputs = recipe.front(source), []
    for member in range(recipe.members):
        x = keras.layers.GRU(state, return_sequences=True, name=f'gru_{member}')(read_in)
        x = keras.layers.Dropout(STATE_DROPOUT)(x)
        outputs.append(keras.layers.Dense(problem.output_count, name=f'read_out_{member}')(x))
    return keras.Model(source, outputs[0] if len(outputs) == 1 else keras.layers.Concatenate()(outputs))


def _task_network(problem: FitProblem, recipe: _Recipe, model: keras.Model) -> TaskNetwork:
    def logits(trials):
        index = in_pieces(trials, None)
        outputs = model.predict(recipe.inputs(recipe.prepare(trials)[index]), batch_size=32, verbose=0)
        outputs = outputs.reshape(*outputs.shape[:2], recipe.members, problem.output_count).mean(axis=2)
        return [output[: trial.n_bins] for output, trial in zip(outputs, trials)]

    temperature = 1.0
    if problem.task != DOF:
        held_out = np.concatenate(logits(problem.validation))
        targets, weights = label_bins(problem, problem.validation)
        known = targets != UNKNOWN
        temperature = calibrate(held_out[known], targets[known], weights[known])
    threshold = 0.5
    if problem.task == PHASE:
        grasp = probabilities(PHASE, held_out, temperature)[:, GRASP]
        threshold = grasp_threshold(grasp, targets == GRASP)
    members = range(recipe.members)
    read_in = ReadIn(*(values.astype(np.float32) for values in recipe.read_in(model)))
    step = StepWeights(
        read_in.width,
        *joined(
            [model.get_layer(f'gru_{member}').get_weights() for member in members],
            [model.get_layer(f'read_out_{member}').get_weights() for member in members],
        ),
    )
    return TaskNetwork(
        task=problem.task,
        model=recipe.name,
        kind=RECURRENT,
        look_back=1,
        lut=SQUARE_ROOT_LUT,
        novelty=fit_novelty_model(read_in, problem.train, problem.validation) if problem.task == OBJECT else None,
        graph=step_graph(step),
        read_in=read_in,
        temperature=temperature,
        threshold=threshold,
        start=start_for_others(problem, read_in, step),
        predict=lambda trials: [probabilities(problem.task, output, temperature) for output in logits(trials)],
    )

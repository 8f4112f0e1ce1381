# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Model families: they learn, obey the contract of `TaskNetwork`, and give the same network for the same seed."""

import math
from types import SimpleNamespace

import keras
import numpy as np
import pytest

from grasp_decoder.bundle.task_network import RECURRENT, TASKS
from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.features.trial_bins import TrialBins
from grasp_decoder.learning.models import seed_bilstm, training
from grasp_decoder.learning.models.families import MODELS, default_model
from grasp_decoder.learning.models.fitting import fit
from grasp_decoder.learning.models.training import UNKNOWN, FitProblem, calibrate, probabilities, train_best

CLASSES = (21, 22, 31)
UNITS = 12
LOOK_BACK = 4


def make_trials(seed, per_class=8):
    """Trials of 24 bins whose units code object and phase; hold is bins 12 to 17."""
    rng = np.random.default_rng(seed)
    trials = []
    for index in range(per_class * len(CLASSES)):
        label = index % len(CLASSES)
        n_bins = int(rng.integers(24, 27))
        bins = np.arange(n_bins)
        phase = ((bins >= 12) & (bins < 18)).astype(np.uint8)
        rate = np.full((n_bins, UNITS), 0.5)
        rate[4:, label * 3 : label * 3 + 3] = 3
        rate[phase == 1, 9:] = 4
        trials.append(
            TrialBins(
                trial_id=index,
                object_id=CLASSES[label],
                recorded_object_id=CLASSES[label],
                bin_ns=40_000_000,
                start_ns=0,
                counts=rng.poisson(rate).astype(np.uint16),
                phase=phase,
                dof=phase.astype(np.float32),
                event_bins={'Start': 0, 'Cue': 4, 'Go': 10, 'Hold': 12, 'Rew': 18, 'End': n_bins - 1},
            )
        )
    return trials


@pytest.fixture(scope='module')
def trials():
    return make_trials(1), make_trials(2, per_class=3)


def fast_or_slow(model, task):
    """Of the fast tests are those of the usual model for the phase: that for the object has two members."""
    marks = () if (model, task) == ('fisher_gru', 'phase') else pytest.mark.slow
    return pytest.param((model, task), id=f'{model}-{task}', marks=marks)


@pytest.fixture(scope='module', params=[fast_or_slow(model, task) for model in MODELS for task in TASKS])
def network(request, trials):
    model, task = request.param
    return fit(task, *trials, CLASSES, model=model, look_back=LOOK_BACK, max_seconds=0)


def graph_outputs(network, trial):
    """Probabilities of every bin from the graph, run as a host runs it."""
    features = network.lut[np.minimum(trial.counts, 255)]
    if network.read_in is not None:
        features = np.array([network.read_in(row) for row in features])
    logits = []
    if network.kind == RECURRENT:
        state = np.zeros(network.graph.inputs[1].shape, np.float32)
        for row in features:
            outputs = {name: np.asarray(value) for name, value in network.graph([row[None], state]).items()}
            state = state + outputs['update'] * (outputs['candidate'] - state)
            logits.append(outputs['logits'][0])
    else:
        for last in range(network.look_back - 1, len(features)):
            window = features[None, last - network.look_back + 1 : last + 1]
            logits.append(np.asarray(network.graph(window)['logits'])[0])
    return probabilities(network.task, np.array(logits), network.temperature)


def test_the_graph_computes_what_predict_says(network, trials):
    trial = trials[1][0]
    (predicted,) = network.predict([trial])
    missing = network.look_back - 1
    assert predicted.shape == (trial.n_bins, {'phase': 2, 'object': len(CLASSES), 'dof': 1}[network.task])
    assert np.isnan(predicted[:missing]).all()
    np.testing.assert_allclose(graph_outputs(network, trial), predicted[missing:], atol=1e-5)


def test_predictions_are_causal(network, trials):
    trial = trials[1][0]
    cut = TrialBins(**{**vars(trial), 'counts': trial.counts[:15]})
    np.testing.assert_allclose(network.predict([cut])[0], network.predict([trial])[0][:15], atol=1e-5)


@pytest.mark.slow
def test_the_default_models_learn(trials):
    train, validation = trials
    objects = fit('object', train, validation, CLASSES).predict(validation)
    phases = fit('phase', train, validation, CLASSES).predict(validation)
    hold = [trial.phase.astype(bool) for trial in validation]
    assert (
        np.mean(
            [
                CLASSES[row.argmax()] == trial.object_id
                for trial, output, bins in zip(validation, objects, hold)
                for row in output[bins]
            ]
        )
        > 0.9
    )
    assert np.mean(np.concatenate([output.argmax(axis=1) == bins for output, bins in zip(phases, hold)])) > 0.9


@pytest.mark.slow
def test_one_seed_gives_one_network(trials):
    def weights(seed):
        return fit('object', *trials, CLASSES, seed=seed, max_seconds=0).graph.get_weights()

    first, again, other = weights(1), weights(1), weights(2)
    assert all(np.array_equal(a, b) for a, b in zip(first, again))
    assert not all(np.array_equal(a, b) for a, b in zip(first, other))


@pytest.mark.slow
def test_ctrl_c_keeps_the_best_network_so_far(trials):
    messages = []

    def interrupt(done, total, message):
        messages.append(message)
        if done == 2:
            raise KeyboardInterrupt

    network = fit('object', *trials, CLASSES, progress=interrupt)
    assert 'interrupted' in messages[-1]
    assert np.isfinite(network.predict(trials[1][:1])[0]).all()


@pytest.mark.slow
@pytest.mark.parametrize(
    ('name', 'layers', 'dropout', 'l1'), [('seed_bilstm_m', 2, 0.8, 0), ('seed_bilstm_z', 1, 0.7, 0.01)]
)
def test_table_2_of_the_paper_by_name(trials, monkeypatch, name, layers, dropout, l1):
    models = []

    def build(problem, architecture):
        models.append(window_model(problem, architecture))
        return models[-1]

    window_model = seed_bilstm._window_model
    monkeypatch.setattr(seed_bilstm, '_window_model', build)
    network = fit('object', *trials, CLASSES, model=name, look_back=LOOK_BACK, max_seconds=0)
    cells = [layer.forward_layer.cell for layer in models[0].layers if isinstance(layer, keras.layers.Bidirectional)]
    assert network.model == name and len(cells) == layers
    for cell in cells:
        assert (cell.units, cell.dropout) == (40, dropout)
        assert (cell.kernel_regularizer.l2, cell.recurrent_regularizer.l2) == pytest.approx((0.01, 0.01))
        assert getattr(cell.recurrent_regularizer, 'l1', 0) == pytest.approx(l1)


@pytest.mark.parametrize(('name', 'l1', 'l2'), [('L1', 0.01, 0), ('L2', 0, 0.01), ('L1L2', 0.01, 0.01)])
def test_every_regulariser_of_table_2_regularises(name, l1, l2):
    weights = np.array([[2.0, -1.0]], np.float32)
    penalty = float(seed_bilstm.REGULARISERS[name](weights))
    assert penalty == pytest.approx(l1 * 3 + l2 * 5)


def test_a_read_in_is_learnt_only_where_trials_outnumber_units_by_far(trials):
    train, _ = trials
    assert default_model(train) == 'fisher_gru'
    assert default_model(train * 2) == 'causal_gru'


def test_where_nothing_can_be_known_the_frequencies_of_the_classes_are_the_best_answer(trials):
    train, validation = trials
    problem = FitProblem('object', train[:13], validation, CLASSES, LOOK_BACK, 0, lambda *_: None, math.inf)
    frequency = np.bincount([CLASSES.index(trial.object_id) for trial in problem.train]) / 13
    loss, unknown = problem.loss(), np.full((1, 2), UNKNOWN)

    def of(*members):
        logits = np.concatenate([np.log(member) for member in members]).astype(np.float32)
        return float(np.mean(loss(unknown, np.broadcast_to(logits, (1, 2, logits.size)))))

    other = np.array([0.5, 0.3, 0.2])
    entropy = -(frequency * np.log(frequency)).sum()
    assert of(frequency) == pytest.approx(entropy, rel=1e-4)
    assert of(other) > entropy
    assert of(frequency, other) == pytest.approx((of(frequency) + of(other)) / 2, rel=1e-4)  # the members' mean


def test_the_best_epoch_is_the_one_with_the_lowest_loss(trials):
    """The score of few trials has many ties; the first of them is an epoch that is not sure of anything."""
    problem = FitProblem('object', *trials, CLASSES, LOOK_BACK, 0, lambda *_: None, math.inf)
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(len(CLASSES), use_bias=False)])
    model.compile(keras.optimizers.SGD(1.0), problem.loss(), weighted_metrics=[problem.score()])
    model.set_weights([np.array([[1e-3, 0, 0]], np.float32)])  # right from the start, and hardly sure
    data = np.ones((6, 1), np.float32), np.zeros(6, np.int32), np.ones(6, np.float32)
    assert train_best(problem, model, data, data, epochs=5) == 1
    assert model.predict(data[0], verbose=0)[0].max() > 1


def test_calibration_finds_the_temperature_of_overconfident_logits():
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(4000, 5))
    targets = (logits + rng.gumbel(size=logits.shape)).argmax(axis=1)
    assert calibrate(3 * logits, targets) == pytest.approx(3, rel=0.15)


def replaced(trials, **fields):
    return [TrialBins(**{**vars(trial), **fields}) for trial in trials]


@pytest.mark.parametrize(
    'change, message',
    [
        (lambda train, validation: ('grip', train, validation, CLASSES, None), 'no task'),
        (lambda train, validation: ('object', train, validation, CLASSES, 'transformer'), 'no model'),
        (lambda train, validation: ('object', train, validation, (21,), None), 'only one class'),
        (lambda train, validation: ('object', train, [], CLASSES, None), 'at least one'),
        (
            lambda train, validation: (
                'phase',
                replaced(train, counts=np.zeros((24, UNITS), np.uint16)),
                validation,
                CLASSES,
                None,
            ),
            'no unit has a spike',
        ),
        (lambda train, validation: ('dof', replaced(train, dof=np.full(24, np.nan)), validation, CLASSES, None), 'NaN'),
    ],
)
def test_what_cannot_be_learnt_is_said_in_one_line(trials, change, message):
    task, train, validation, classes, model = change(*trials)
    with pytest.raises(GraspDecoderError, match=message):
        fit(task, train, validation, classes, model=model)


def test_what_is_done_before_the_first_epoch_counts_in_the_time_of_a_fit(trials, monkeypatch):
    epochs = []
    problem = FitProblem('object', *trials, CLASSES, LOOK_BACK, 0, lambda done, *_: epochs.append(done), 1000)
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(len(CLASSES), use_bias=False)])
    model.compile(keras.optimizers.SGD(1.0), problem.loss(), weighted_metrics=[problem.score()])
    data = np.ones((6, 1), np.float32), np.zeros(6, np.int32), np.ones(6, np.float32)
    monkeypatch.setattr(training, 'time', SimpleNamespace(monotonic=lambda: problem.begun_s + 1001))
    train_best(problem, model, data, data, epochs=5)
    assert epochs == [1]

# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Small networks and trials for the tests of bundles: random weights, but every part of the real thing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from scipy.special import softmax

from grasp_decoder.bundle.manifest import Manifest, SourceSession
from grasp_decoder.bundle.task_network import DOF, OBJECT, PHASE, RECURRENT, WINDOW, TaskNetwork
from grasp_decoder.features.read_in import ReadIn
from grasp_decoder.features.trial_bins import TrialBins
from grasp_decoder.objects import load_objects
from grasp_decoder.recording.session import Unit

UNITS = 24
CLASSES = (12, 21, 34, 41, 55)
LOOK_BACK = 4
STATE = 16
LATENTS = 10
LUT = np.sqrt(np.arange(256, dtype=np.float32))
OUTPUTS = {PHASE: 2, OBJECT: len(CLASSES), DOF: 1}


def make_trials(count: int = 12, n_bins: int = 30, units: int = UNITS, seed: int = 0) -> list[TrialBins]:
    """Trials with a hold phase in which rates depend on the object."""
    rng = np.random.default_rng(seed)
    rates = rng.gamma(2.0, 0.4, (len(CLASSES), units))
    trials = []
    for trial_id in range(count):
        label = trial_id % len(CLASSES)
        phase = np.zeros(n_bins, np.uint8)
        phase[n_bins // 2 : -4] = 1
        counts = rng.poisson(np.where(phase[:, None], rates[label], 0.3)).astype(np.uint16)
        trials.append(
            TrialBins(
                trial_id,
                CLASSES[label],
                CLASSES[label],
                40_000_000,
                trial_id * 2_000_000_000,
                counts,
                phase,
                phase.astype(np.float32),
                {'Cue': 3, 'Hold': n_bins // 2},
            )
        )
    return trials


def make_network(task: str, kind: str = RECURRENT, units: int = UNITS, seed: int = 1) -> TaskNetwork:
    """A network with random weights, as learning hands it over."""
    import keras  # slow to import: only tests that export pay for it

    keras.utils.set_random_seed(seed)
    layers, count, read_in = keras.layers, OUTPUTS[task], None
    if kind == RECURRENT:
        read_in = ReadIn(
            np.random.default_rng(seed).normal(0, 0.3, (units, LATENTS)).astype(np.float32),
            np.zeros(LATENTS, np.float32),
        )
        features = keras.Input(batch_shape=(1, LATENTS), name='features')
        state = keras.Input(batch_shape=(1, STATE), name='state')

        def gate(activation):
            return layers.Activation(activation)(
                layers.Add()([layers.Dense(STATE)(features), layers.Dense(STATE)(state)])
            )

        update, candidate = gate('sigmoid'), gate('tanh')
        new_state = layers.Add()([state, layers.Multiply()([update, layers.Subtract()([candidate, state])])])
        graph = keras.Model(
            [features, state], {'logits': layers.Dense(count)(new_state), 'update': update, 'candidate': candidate}
        )
    else:
        features = keras.Input(batch_shape=(1, LOOK_BACK, units), name='features')
        flat = layers.Reshape((LOOK_BACK * units,))(features)
        graph = keras.Model([features], {'logits': layers.Dense(count)(layers.Dense(STATE, 'relu')(flat))})
    return TaskNetwork(
        task,
        'sample',
        kind,
        LOOK_BACK if kind == WINDOW else 1,
        LUT,
        graph,
        lambda trials: [predict(graph, task, kind, trial, read_in=read_in) for trial in trials],
        temperature=1.25,
        read_in=read_in,
    )


def write_sample(folder: Path, seed: int = 1) -> Path:
    """Write a bundle of recurrent networks for phase and object; the fixtures of ``test/conftest.py`` share two."""
    from grasp_decoder.bundle.export.writing import write_bundle

    networks = [make_network(task, seed=seed) for task in (PHASE, OBJECT)]
    write_bundle(folder, networks, make_trials(), make_trials(seed=1), make_manifest())
    return folder


def predict(
    graph, task: str, kind: str, trial: TrialBins, temperature: float = 1.25, read_in: ReadIn | None = None
) -> np.ndarray:
    """The contract of `TaskNetwork`, bin by bin in Keras: float32 (n_bins, n)."""
    features = LUT[np.minimum(trial.counts, 255)]
    if read_in is not None:
        features = np.array([read_in(row) for row in features])
    state = np.zeros((1, STATE), np.float32)
    answers = np.full((trial.n_bins, OUTPUTS[task]), np.nan, np.float32)
    for index in range(trial.n_bins):
        if kind == RECURRENT:
            outputs = graph({'features': features[None, index], 'state': state})
            state = state + np.asarray(outputs['update']) * (np.asarray(outputs['candidate']) - state)
        elif index < LOOK_BACK - 1:
            continue
        else:
            outputs = graph({'features': features[None, index + 1 - LOOK_BACK : index + 1]})
        logits = np.asarray(outputs['logits'])[0]
        answers[index] = np.clip(logits, 0, 1) if task == DOF else softmax(logits / temperature)
    return answers


def make_manifest(units: int = UNITS, **fields) -> Manifest:
    """What `write_bundle` is given before anything was exported."""
    fields = {
        'name': 'sample',
        'created': '2024-01-01T00:00:00+00:00',
        'package_version': '0.1.0',
        'sessions': (SourceSession('sample', 'ab' * 32, (0, 1, 2), (3,), (4, 5)),),
        'units': tuple(Unit(index, index // 2, index % 2, 'M1') for index in range(units)),
        'bin_s': 0.04,
        'look_back': LOOK_BACK,
        'classes': CLASSES,
        'labels': tuple(load_objects().find(object_id).label for object_id in CLASSES),
        'merge': {11: 41},
        **fields,
    }
    return Manifest(**fields)

# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""The data that int8 models are calibrated on: inputs of their float model in the training trials.

The converter runs the float model on this data and gives each tensor the range of values that it took. Two choices make
8 bits go further. The inputs come from whole trials, so that a recurrent network is calibrated on states that it
reaches. The range of the features of counts is widened a little, so that its 255 steps fall on those of small counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from grasp_decoder.bundle.engines.backends import Engine, Model, open_cpu
from grasp_decoder.bundle.engines.task_runner import make_runner
from grasp_decoder.bundle.manifest import TaskManifest
from grasp_decoder.features.count_features import LUT_SIZE, clip_counts
from grasp_decoder.features.read_in import ReadIn
from grasp_decoder.features.trial_bins import TrialBins

# Training trials that are run through, and bins of them that the converter gets.
TRIALS = 60
SAMPLES = 1000
# How much the range of the features may grow.
WIDEST = 1.25
# The two highest logits are close in this fraction of the samples; the range covers this fraction of them.
CLOSE = 0.1
MOST = 0.95


@dataclass(frozen=True)
class Calibration:
    """Inputs of the float model at random bins of random training trials, and its logits there.

    Attributes:
        inputs: for each sample, the model's inputs in its order.
        logits: float32 (samples, n).
    """

    inputs: list[list[np.ndarray]]
    logits: np.ndarray

    def close_logit_range(self) -> tuple[float, float]:
        """The range that holds most of the two highest logits, in samples where these two are close.

        There rounding may decide which class is highest.
        """
        best = np.sort(self.logits, axis=1)[:, -2:]
        difference = best[:, 1] - best[:, 0]
        close = best[difference <= np.quantile(difference, CLOSE)]
        low, high = np.quantile(close, (1 - MOST, MOST))
        return float(low), float(high)


def calibrate(
    task: str, manifest: TaskManifest, content: bytes, train: Sequence[TrialBins], read_in: ReadIn | None
) -> Calibration:
    """Run the float model over a random choice of the training trials.

    Args:
        task: the task that the model decodes.
        manifest: the task's entry for the manifest, with the float model in it.
        content: the float model, a TFLite file.
        train: training trials.
        read_in: of the network; None where it takes features.
    """
    rng = np.random.default_rng(0)
    recorder = _Recorder(open_cpu(Model(f'{task} model', content)))
    runner = make_runner(task, manifest, manifest.models['float'], recorder, read_in)
    for index in rng.permutation(len(train))[:TRIALS]:
        runner.reset()
        for counts in train[index].counts:
            runner.step(counts)
    chosen = np.sort(rng.permutation(len(recorder.inputs))[:SAMPLES])
    inputs = [recorder.inputs[index] for index in chosen]
    if read_in is None:
        features = max((sample[0] for sample in inputs), key=np.max)
        features[np.unravel_index(features.argmax(), features.shape)] = _feature_top(np.asarray(manifest.lut), train)
    return Calibration(inputs, np.concatenate([recorder.logits[index] for index in chosen]))


class _Recorder:
    """An engine that records its inputs and the logits that it gave."""

    def __init__(self, engine: Engine):
        self._engine = engine
        self.description = engine.description
        self.inputs: list[list[np.ndarray]] = []
        self.logits: list[np.ndarray] = []

    def run(self, inputs: Sequence[np.ndarray], outputs: Sequence[np.ndarray]) -> None:
        self.inputs.append([values.copy() for values in inputs])
        self._engine.run(inputs, outputs)
        self.logits.append(outputs[0].copy())


def _feature_top(lut: np.ndarray, train: Sequence[TrialBins]) -> float:
    """The upper end of the features' range that makes the rounding errors of int8 small, weighted by frequency.

    The range starts at 0 and has 255 steps. Its end is at least the largest feature of the training trials.
    """
    frequency = sum(np.bincount(clip_counts(trial.counts).ravel(), minlength=LUT_SIZE) for trial in train)
    largest = lut[frequency > 0].max()
    tops = largest * np.linspace(1, WIDEST, 500)
    steps = tops / (LUT_SIZE - 1)
    errors = np.square(np.rint(lut[:, None] / steps) * steps - lut[:, None])
    return float(tops[(frequency @ errors).argmin()])

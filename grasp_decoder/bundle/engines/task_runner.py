# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""TaskRunner: counts in, probabilities out, one bin at a time.

A graph without loops has no memory. The runner keeps it instead: the last bins for a window network, the state for a
recurrent one. Buffers are made once, so that a step allocates next to nothing.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np

from grasp_decoder.bundle.engines.backends import Engine
from grasp_decoder.bundle.manifest import ModelFile, TaskManifest, Tensor
from grasp_decoder.bundle.task_network import DOF, FINE_LOGITS, RECURRENT
from grasp_decoder.features.count_features import count_features, root_features
from grasp_decoder.features.drift import TrackedReadIn
from grasp_decoder.features.read_in import ReadIn

AnyReadIn = ReadIn | TrackedReadIn | None


class TaskRunner(ABC):
    """Runs one task of a bundle. `BundleEngines.runner` makes one.

    Attributes:
        latents: float32 (k,), what the read-in made of the last bin; empty where the network takes the features.
    """

    def __init__(self, task: str, manifest: TaskManifest, model: ModelFile, engine: Engine, read_in: AnyReadIn):
        self.task = task
        self._engine = engine
        self._features_of_counts = np.asarray(manifest.lut, np.float32)
        self._input = model.inputs[0]
        self._read_in = read_in
        self.latents = np.zeros(read_in.width if read_in else 0, np.float32)
        self._lut = quantise(self._features_of_counts, self._input)
        self._inverse_temperature = np.float32(1 / manifest.temperature)
        self._outputs = make_buffers(model.outputs)
        self._logits = _Dequantiser(model.outputs[0], self._outputs[0])
        self._fine_logits = None
        if model.outputs[-1].name == FINE_LOGITS:
            self._fine_logits = _Dequantiser(model.outputs[-1], self._outputs[-1])

    @abstractmethod
    def reset(self) -> None:
        """Clear the memory: a new segment starts."""

    @abstractmethod
    def step(self, counts: np.ndarray, roots: np.ndarray | None = None) -> np.ndarray | None:
        """Decode one more bin.

        Args:
            counts: uint16 (units,), spikes of the bin.
            roots: float32 (units,), square roots of the counts to decode instead, once units were repaired.

        Returns:
            float32 (n,): probabilities that sum to 1 (phase, object) or values in 0..1 (dof). None until a window
            network has seen ``look_back`` bins. The array is new at every call.
        """

    def _write_features(self, counts: np.ndarray, roots: np.ndarray | None, out: np.ndarray) -> None:
        if roots is None and self._read_in is None:
            count_features(counts, self._lut, out=out)
            return
        table = self._features_of_counts
        features = count_features(counts, table) if roots is None else root_features(roots, table)
        if self._read_in is not None:
            features = self.latents = self._read_in(features)
        out[...] = quantise(features, self._input)

    def _run(self, inputs: Sequence[np.ndarray]) -> np.ndarray:
        self._engine.run(inputs, self._outputs)
        logits = self._logits()[0]
        if self._fine_logits:
            # The fine logits hold wherever they are not saturated.
            fine = self._outputs[-1][0]
            np.copyto(logits, self._fine_logits()[0], where=(fine > -128) & (fine < 127))
        if self.task == DOF:
            values: np.ndarray = np.clip(logits, 0, 1)
            return values
        # A softmax in place: it takes half the time of SciPy's and gives the same bits.
        logits *= self._inverse_temperature
        logits -= np.maximum.reduce(logits)
        probabilities: np.ndarray = np.exp(logits)
        probabilities /= np.add.reduce(probabilities)
        return probabilities


class WindowRunner(TaskRunner):
    """Runs a network whose input is the last ``look_back`` bins."""

    def __init__(self, task: str, manifest: TaskManifest, model: ModelFile, engine: Engine, read_in: AnyReadIn):
        super().__init__(task, manifest, model, engine, read_in)
        self._look_back = manifest.look_back
        # Every bin is written twice, look_back rows apart, so that each window is one contiguous slice.
        self._ring = np.zeros((2 * self._look_back, self._input.shape[-1]), self._lut.dtype)
        self._seen = 0

    def reset(self) -> None:
        self._seen = 0

    def step(self, counts: np.ndarray, roots: np.ndarray | None = None) -> np.ndarray | None:
        row = self._seen % self._look_back
        self._write_features(counts, roots, self._ring[row])
        self._ring[row + self._look_back] = self._ring[row]
        self._seen += 1
        if self._seen < self._look_back:
            return None
        return self._run((self._ring[np.newaxis, row + 1 : row + 1 + self._look_back],))


class RecurrentRunner(TaskRunner):
    """Runs one step of a recurrent network per bin and keeps its state in float32."""

    def __init__(self, task: str, manifest: TaskManifest, model: ModelFile, engine: Engine, read_in: AnyReadIn):
        super().__init__(task, manifest, model, engine, read_in)
        self._inputs = make_buffers(model.inputs)
        self._state_tensor = model.inputs[1]
        self._update = _Dequantiser(model.outputs[1], self._outputs[1])
        self._candidate = _Dequantiser(model.outputs[2], self._outputs[2])
        self.state = np.zeros(self._state_tensor.shape, np.float32)

    def reset(self) -> None:
        self.state[...] = 0

    def step(self, counts: np.ndarray, roots: np.ndarray | None = None) -> np.ndarray:
        self._write_features(counts, roots, self._inputs[0][0])
        self._inputs[1][...] = quantise(self.state, self._state_tensor)
        answer = self._run(self._inputs)
        change = self._candidate()
        change -= self.state
        change *= self._update()
        self.state += change
        return answer


def make_runner(task: str, manifest: TaskManifest, model: ModelFile, engine: Engine, read_in: AnyReadIn) -> TaskRunner:
    """The runner for the kind of network that the manifest names; ``read_in`` is None where it takes features."""
    runner = RecurrentRunner if manifest.kind == RECURRENT else WindowRunner
    return runner(task, manifest, model, engine, read_in)


def make_buffers(tensors: Sequence[Tensor]) -> list[np.ndarray]:
    """Arrays of zeros of the tensors' shapes: float32 for a tensor of scale 0, int8 for the others."""
    return [np.zeros(tensor.shape, np.int8 if tensor.scale else np.float32) for tensor in tensors]


def quantise(values: np.ndarray, tensor: Tensor) -> np.ndarray:
    """float32 ``values`` in the type of ``tensor``: int8, rounded and saturated, or float32 if its scale is 0."""
    if not tensor.scale:
        return values
    scaled = values * np.float32(1 / tensor.scale)
    np.rint(scaled, out=scaled)
    scaled += tensor.zero_point
    # np.clip does the same in three times the time.
    np.maximum(scaled, -128, out=scaled)
    return np.minimum(scaled, 127, out=scaled).astype(np.int8)


class _Dequantiser:
    """Turns an output buffer into float32 values, in a second buffer that is made once."""

    def __init__(self, tensor: Tensor, values: np.ndarray):
        scale, zero_point = np.float32(tensor.scale or 1), np.float32(tensor.zero_point)
        self._is_float = not tensor.scale
        self._raw = values if self._is_float else values.view(np.uint8)
        self._values = values if self._is_float else np.empty(tensor.shape, np.float32)
        self._value_of = (np.arange(256, dtype=np.uint8).view(np.int8) - zero_point) * scale

    def __call__(self) -> np.ndarray:
        """The values, which may be changed; the next run overwrites them."""
        if not self._is_float:
            np.take(self._value_of, self._raw, out=self._values, mode='clip')
        return self._values

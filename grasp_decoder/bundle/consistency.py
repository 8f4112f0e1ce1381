# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Whether the parts of a manifest fit together: numbers that mean something, and models that fit the unit table."""

from __future__ import annotations

from pathlib import Path

from grasp_decoder.bundle.manifest import Manifest, ModelFile, TaskManifest
from grasp_decoder.bundle.task_network import (
    DOF,
    FINE_LOGITS,
    GRAPH_INPUTS,
    GRAPH_OUTPUTS,
    OBJECT,
    PHASE,
    PRECISIONS,
    RECURRENT,
)
from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.features.count_features import LUT_SIZE

_MOST_LOOK_BACK = 10_000
_MOST_UNITS = 65_535
_LARGEST_ID = 2**31 - 1  # messages carry ids as int32
_INT8 = (-128, 127)
_TEMPERATURES = (1e-3, 1e3)
_LEAST_SCALE = 1e-30


def check_consistency(path: Path, manifest: Manifest) -> None:
    """Refuse a manifest whose parts contradict each other, before anything is run on it.

    Args:
        path: the bundle's folder, for messages.
        manifest: of the bundle.

    Raises:
        GraspDecoderError: a value means nothing, or does not fit the others.
    """
    _check_values(path, manifest)
    outputs = {PHASE: 2, OBJECT: len(manifest.classes), DOF: len(manifest.movement.low) if manifest.movement else 1}
    for task, task_manifest in manifest.tasks.items():
        where = f'bundle {path}, task {task}'
        if task_manifest.kind not in GRAPH_INPUTS or task not in outputs:
            raise GraspDecoderError(f'{where}: unknown task or kind of network {task_manifest.kind!r}')
        if len(task_manifest.lut) != LUT_SIZE or not _TEMPERATURES[0] <= task_manifest.temperature <= _TEMPERATURES[1]:
            raise GraspDecoderError(f'{where}: needs {LUT_SIZE} features in its table and a temperature near 1')
        if not 1 <= task_manifest.look_back <= _MOST_LOOK_BACK:
            raise GraspDecoderError(
                f'{where}: {task_manifest.look_back} bins to look back; 1 to {_MOST_LOOK_BACK} work'
            )
        missing = set(PRECISIONS) - task_manifest.models.keys()
        if missing:
            raise GraspDecoderError(f'{where}: has no {" or ".join(sorted(missing))} model')
        for model in task_manifest.models.values():
            _check_model(where, model, task_manifest, manifest, outputs[task])


def _check_values(path: Path, manifest: Manifest) -> None:
    """Refuse numbers that mean nothing."""
    reset, movement = manifest.self_reset, manifest.movement
    wrong = manifest.evidence.problem(len(manifest.classes)) if manifest.evidence else ''
    ids = (*manifest.classes, *manifest.merge, *manifest.merge.values())
    for right, what in (
        (0.001 <= manifest.bin_s <= 10, f'a bin width of {manifest.bin_s} s; 0.001 to 10 s work'),
        (1 <= manifest.look_back <= _MOST_LOOK_BACK, f'{manifest.look_back} bins to look back'),
        (manifest.unit_count <= _MOST_UNITS, f'{manifest.unit_count} units; at most {_MOST_UNITS} work'),
        (len(set(manifest.classes)) == len(manifest.labels) == len(manifest.classes), 'classes and labels that differ'),
        (all(0 <= each <= _LARGEST_ID for each in ids), f'an object id outside 0 to {_LARGEST_ID}'),
        (
            0 <= manifest.thresholds.grasp <= 1 and 0 <= manifest.thresholds.confidence <= 1,
            'a threshold that is no probability',
        ),
        (reset is None or min(reset.grasp_bins, reset.rest_bins) >= 1, 'a self reset after less than one bin'),
        (
            movement is None
            or (len(movement.low) == len(movement.high) and all(map(float.__lt__, movement.low, movement.high))),
            'a movement whose channels do not go from low to high',
        ),
        (not wrong, f'evidence that makes no sense: {wrong}'),
    ):
        if not right:
            raise GraspDecoderError(f'bundle {path}: its manifest has {what}; train the bundle again')


def _check_model(where: str, model: ModelFile, task: TaskManifest, manifest: Manifest, n_outputs: int) -> None:
    if model.file not in manifest.files or not model.file.endswith('.tflite'):
        raise GraspDecoderError(f'{where}: {model.file} is not among the sealed files')
    outputs = GRAPH_OUTPUTS[task.kind]
    if tuple(tensor.name for tensor in model.inputs) != GRAPH_INPUTS[task.kind] or tuple(
        tensor.name for tensor in model.outputs
    ) not in (outputs, (*outputs, FINE_LOGITS)):
        raise GraspDecoderError(f'{where}: {model.file} has other inputs or outputs than a {task.kind} network')
    for tensor in (*model.inputs, *model.outputs):
        if not (tensor.scale == 0 or tensor.scale >= _LEAST_SCALE) or not _INT8[0] <= tensor.zero_point <= _INT8[1]:
            raise GraspDecoderError(f'{where}: {model.file} has a scale that cannot be or a zero point outside int8')
    width = model.inputs[0].shape[-1] if model.inputs[0].shape else 0
    if task.latents is None and width != manifest.unit_count:
        raise GraspDecoderError(
            f'{where}: {model.file} takes {width} units, but the unit table has {manifest.unit_count}'
        )
    if task.latents is not None and width != task.latents:
        raise GraspDecoderError(f'{where}: {model.file} takes {width} latents, but the manifest says {task.latents}')
    state = ((1, task.state_size),) * (task.kind == RECURRENT)
    features = (1, width) if task.kind == RECURRENT else (1, task.look_back, width)
    if tuple(tensor.shape for tensor in model.inputs) != (features, *state) or tuple(
        tensor.shape for tensor in model.outputs
    )[: len(outputs)] != ((1, n_outputs), *state, *state):
        raise GraspDecoderError(f'{where}: the tensors of {model.file} have other shapes than the manifest says')

# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""The first run of a bundle's models, in a child process: a damaged model, or one made to harm, can crash its runtime.

A seal says only that a bundle is as its maker left it. TFLite reads a model without checking it, and takes this process
with it when the model points outside of itself: while a hand moves, at an exchange of bundles.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from grasp_decoder.bundle.bundle import MANIFEST, Bundle
from grasp_decoder.bundle.engines.backends import Model, open_cpu
from grasp_decoder.bundle.engines.task_runner import make_buffers
from grasp_decoder.bundle.manifest import ModelFile
from grasp_decoder.child_process import ChildDied, call_in_child
from grasp_decoder.errors import GraspDecoderError

LONGEST_S = 60.0
MOST_BYTES = 2 << 30
"""Address space of the child process; a model of this package takes some megabytes of it."""

_proven: set[str] = set()
"""Hashes of what has run in this process' lifetime, so that it runs in a child only once."""


def prove_models(bundle: Bundle, precision: str) -> None:
    """Have every task's model of ``precision`` opened and run in a child process.

    Raises:
        GraspDecoderError: a model crashes or never ends, does not run, or has other tensors than the manifest says.
    """
    files = [task.models[precision] for task in bundle.manifest.tasks.values()]
    models = [(bundle.path, file, bundle.models[file.file]) for file in files]
    key = hashlib.sha256(repr([(file, hashlib.sha256(content).digest()) for _, file, content in models]).encode())
    if key.hexdigest() in _proven:
        return
    try:
        call_in_child(run_once, models, seconds=LONGEST_S, most_bytes=MOST_BYTES)
    except ChildDied as died:
        raise GraspDecoderError(f'bundle {bundle.path}: its models cannot be run: {died}; do not use it') from None
    _proven.add(key.hexdigest())


def run_once(models: Sequence[tuple[Path, ModelFile, bytes]]) -> None:
    """Open each model and run it on zeros and on the ends of its range.

    Args:
        models: folder of the bundle, the manifest's entry, and the content of the file.

    Raises:
        GraspDecoderError: one does not run, or has other tensors than its entry says.
    """
    for folder, file, content in models:
        where = folder / file.file
        engine = open_cpu(Model(str(where), content))
        inputs, outputs = make_buffers(file.inputs), make_buffers(file.outputs)
        for value in (0, -128, 127):
            for buffer in inputs:
                buffer[...] = value
            try:
                engine.run(inputs, outputs)
            except (ValueError, RuntimeError) as error:
                raise GraspDecoderError(f'{where} is not what {MANIFEST} says: {error}') from error
        if not all(np.isfinite(buffer).all() for buffer in outputs):
            raise GraspDecoderError(f'{where} answers with NaN or infinity; train the bundle again')

# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Calls Coral's ``edgetpu_compiler`` on the int8 models of a bundle."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from grasp_decoder.bundle.edge_tpu import check_model
from grasp_decoder.bundle.engines.backends import EDGE_TPU
from grasp_decoder.bundle.manifest import TaskManifest
from grasp_decoder.errors import GraspDecoderError

COMPILER = 'edgetpu_compiler'
LOG = 'edgetpu_compiler.log'
TIMEOUT_S = 600


def require_compiler() -> None:
    """Check that the compiler is installed, before hours of training.

    Raises:
        GraspDecoderError: it is not.
    """
    if shutil.which(COMPILER) is None:
        raise GraspDecoderError(
            f'{COMPILER} is not installed (x86-64 Debian or Ubuntu only, see docs/coral.md); '
            'install it or leave out --edgetpu'
        )


def compile_models(folder: Path, tasks: Mapping[str, TaskManifest]) -> tuple[dict[str, TaskManifest], tuple[str, ...]]:
    """Compile the int8 models of all tasks together, so that they share the memory of the device.

    Writes ``TASK_int8_edgetpu.tflite`` and the compiler's output, ``edgetpu_compiler.log``, into ``folder``.

    Returns:
        The tasks, with ``models['edgetpu']`` for each compiled file, and one line for each failure.
    """
    require_compiler()
    inputs = [folder / task.models['int8'].file for task in tasks.values()]
    command = [COMPILER, '--show_operations', '--out_dir', str(folder), *map(str, inputs)]
    try:
        run = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=TIMEOUT_S, check=False)
        output, failure = run.stdout, f'exit status {run.returncode}' if run.returncode else None
    except subprocess.TimeoutExpired as error:
        output, failure = error.stdout or b'', f'not finished within {TIMEOUT_S} s'
    (folder / LOG).write_bytes(output)
    issues = [f'{COMPILER}: {failure}, see {LOG}'] if failure else []
    compiled = dict(tasks)
    for name, task in tasks.items():
        model = task.models['int8']
        path = folder / model.file.replace('.tflite', '_edgetpu.tflite')
        if not path.is_file():
            issues.append(f'{name}: {COMPILER} made no {path.name}, see {LOG}')
            continue
        compiled[name] = replace(task, models=task.models | {EDGE_TPU: replace(model, file=path.name)})
        left = check_model(path.read_bytes(), path.name).on_cpu
        if left:
            names = ', '.join(operator.name for operator in left)
            issues.append(f'{name}: {COMPILER} left {names} to the CPU, see {LOG}')
    return compiled, tuple(issues)

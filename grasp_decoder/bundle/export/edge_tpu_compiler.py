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
    """Raise a `GraspDecoderError` unless the compiler is installed; to be asked before hours of training."""
    if shutil.which(COMPILER) is None:
        raise GraspDecoderError(
            f'{COMPILER} is not installed (x86-64 Debian or Ubuntu only, see docs/coral.md); '
            'install it or leave out --edgetpu'
        )


def compile_models(folder: Path, tasks: Mapping[str, TaskManifest]) -> tuple[dict[str, TaskManifest], tuple[str, ...]]:
    """Compile the int8 models of all tasks together, so that they share the device's cache.

    Writes ``TASK_int8_edgetpu.tflite`` and the compiler's output, ``edgetpu_compiler.log``, into ``folder``.

    Returns:
        The tasks, with ``models['edgetpu']`` where there is a compiled file, and a line for each thing that failed.
    """
    require_compiler()
    inputs = [folder / task.models['int8'].file for task in tasks.values()]
    command = [COMPILER, '--show_operations', '--out_dir', str(folder), *map(str, inputs)]
    try:
        run = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=TIMEOUT_S, check=False)
        said, failed = run.stdout, f'exit status {run.returncode}' if run.returncode else None
    except subprocess.TimeoutExpired as error:
        said, failed = error.stdout or b'', f'no end within {TIMEOUT_S} s'
    (folder / LOG).write_bytes(said)
    issues = [f'{COMPILER}: {failed}, see {LOG}'] if failed else []
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

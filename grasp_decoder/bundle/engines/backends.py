# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Back ends: each runs TFLite models on one kind of device, behind one small interface.

A back end is a function ``open_engine(model, device, threads) -> Engine`` that raises `GraspDecoderError` when it
cannot run the model. ``cpu`` and ``edgetpu`` are built in; a package adds its own by an entry point of the group
``grasp_decoder.backends``, whose name is then a value of the parameter ``backend``.

- ``cpu``: ai-edge-litert, or tflite-runtime where only that is installed.
- ``edgetpu``: pycoral, or the bare delegate ``libedgetpu.so.1`` in either interpreter.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import metadata
from typing import Any, Protocol

import numpy as np

from grasp_decoder.errors import GraspDecoderError

ENTRY_POINT_GROUP = 'grasp_decoder.backends'
EDGE_TPU_LIBRARY = 'libedgetpu.so.1'
INTERPRETERS = (('ai-edge-litert', 'ai_edge_litert.interpreter'), ('tflite-runtime', 'tflite_runtime.interpreter'))

CPU = 'cpu'
EDGE_TPU = 'edgetpu'
AUTO = 'auto'


@dataclass(frozen=True)
class Model:
    """The TFLite flatbuffers of one task, as a back end is given them.

    Attributes:
        name: what it is, for messages.
        tflite: the model.
        edgetpu: the model compiled for the Edge TPU; None if it was not compiled.
    """

    name: str
    tflite: bytes
    edgetpu: bytes | None = None


class Engine(Protocol):
    """A model that is ready to run."""

    @property
    def description(self) -> str:
        """Back end, version and device, as text."""

    def run(self, inputs: Sequence[np.ndarray], outputs: Sequence[np.ndarray]) -> None:
        """Run the model once: read ``inputs``, fill ``outputs``. Order, shapes and types are those of the file."""


OpenEngine = Callable[[Model, 'str | None', int], Engine]


class InterpreterEngine:
    """A TFLite interpreter, with or without a delegate."""

    def __init__(self, interpreter: Any, description: str):
        interpreter.allocate_tensors()
        self.description = description
        self._invoke = interpreter.invoke
        # The interpreter refuses to run while a view of a tensor exists, so every run takes new views.
        self._inputs = [interpreter.tensor(detail['index']) for detail in interpreter.get_input_details()]
        self._outputs = [interpreter.tensor(detail['index']) for detail in interpreter.get_output_details()]

    def run(self, inputs: Sequence[np.ndarray], outputs: Sequence[np.ndarray]) -> None:
        for view, values in zip(self._inputs, inputs):
            view()[...] = values
        self._invoke()
        for view, values in zip(self._outputs, outputs):
            values[...] = view()


def back_ends() -> dict[str, OpenEngine]:
    """Every back end, by name. A package's back end is imported only when it is opened."""
    plugged = {point.name: _deferred(point) for point in metadata.entry_points(group=ENTRY_POINT_GROUP)}
    return plugged | {CPU: open_cpu, EDGE_TPU: open_edge_tpu}


def open_cpu(model: Model, device: str | None = None, threads: int = 1) -> Engine:
    """Open the model on the CPU.

    Raises:
        GraspDecoderError: no interpreter is installed, or it does not run the model.
    """
    name, library = _interpreter_library()
    try:
        interpreter = library.Interpreter(model_content=model.tflite, num_threads=threads)
        return InterpreterEngine(interpreter, f'cpu ({name})')
    except (ValueError, RuntimeError) as error:
        raise GraspDecoderError(f'{model.name} does not run on the CPU: {_one_line(error)}') from error


def open_edge_tpu(model: Model, device: str | None = None, threads: int = 1) -> Engine:
    """Open the compiled model on an Edge TPU.

    Args:
        model: the model, compiled.
        device: name of the device as in libedgetpu: ``usb``, ``pci``, ``:0``, ``usb:0`` ...; None for the first.
        threads: not used.

    Raises:
        GraspDecoderError: no such device answers, or the model was not compiled.
    """
    if device is not None and not re.fullmatch(r'(usb|pci)|(usb|pci)?:\d+', device):
        raise GraspDecoderError(f'{device!r} does not name an Edge TPU; use usb, pci, :N, usb:N or pci:N')
    if model.edgetpu is None:
        raise GraspDecoderError(
            f'the bundle holds no {model.name} compiled for the Edge TPU; '
            'run train --edgetpu where edgetpu_compiler is installed'
        )
    try:
        return _open_pycoral(model, device) or _open_delegate(model, device)
    except (ValueError, RuntimeError, OSError) as error:
        raise GraspDecoderError(
            f'no Edge TPU answers on {device or "any device"} ({_one_line(error)}); see docs/coral.md'
        ) from error


def _open_pycoral(model: Model, device: str | None) -> Engine | None:
    try:
        # PyPI has an unrelated package of this name, without this module.
        pycoral = importlib.import_module('pycoral.utils.edgetpu')
    except ImportError:
        return None
    interpreter = pycoral.make_interpreter(model.edgetpu, device=device)
    return InterpreterEngine(interpreter, f'edgetpu (pycoral, {device or "first device"})')


def _open_delegate(model: Model, device: str | None) -> Engine:
    name, library = _interpreter_library()
    delegate = library.load_delegate(EDGE_TPU_LIBRARY, {} if device is None else {'device': device})
    interpreter = library.Interpreter(model_content=model.edgetpu, experimental_delegates=[delegate])
    return InterpreterEngine(interpreter, f'edgetpu ({name}, {device or "first device"})')


def _interpreter_library() -> tuple[str, Any]:
    for name, module in INTERPRETERS:
        try:
            return f'{name} {metadata.version(name)}', importlib.import_module(module)
        except (ImportError, metadata.PackageNotFoundError):
            continue
    raise GraspDecoderError('no TFLite interpreter is installed; install ai-edge-litert (or tflite-runtime)')


def _deferred(point: metadata.EntryPoint) -> OpenEngine:
    def open_engine(model: Model, device: str | None, threads: int) -> Engine:
        plugged_in: OpenEngine = point.load()
        return plugged_in(model, device, threads)

    return open_engine


def _one_line(error: Exception) -> str:
    return ' '.join(str(error).split())

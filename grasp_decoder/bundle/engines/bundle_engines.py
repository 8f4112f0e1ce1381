# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""BundleEngines: the models of one bundle, opened and warm."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from grasp_decoder.bundle.bundle import MANIFEST, Bundle
from grasp_decoder.bundle.engines.accelerator import Accelerator
from grasp_decoder.bundle.engines.backends import AUTO, CPU, EDGE_TPU, Engine, Model, back_ends, open_cpu
from grasp_decoder.bundle.engines.first_run import prove_models
from grasp_decoder.bundle.engines.task_runner import TaskRunner, make_buffers, make_runner
from grasp_decoder.bundle.task_network import PRECISIONS
from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.features.drift import TrackedReadIn
from grasp_decoder.features.read_in import ReadIn

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class EngineOptions:
    """Which models of a bundle run, and where.

    Attributes:
        precision: ``int8`` or ``float`` (the latter on the CPU only).
        backend: ``cpu``; ``edgetpu``; ``auto``, which takes an Edge TPU if one answers, and else the CPU with a
            warning; or a back end that a package plugged in.
        device: which device, in the back end's own terms; None for the first.
        threads: threads of the CPU's interpreter.
    """

    precision: str = 'int8'
    backend: str = AUTO
    device: str | None = None
    threads: int = 1

    def __post_init__(self) -> None:
        if self.precision not in PRECISIONS:
            raise GraspDecoderError(f'no precision {self.precision!r}; use {" or ".join(PRECISIONS)}')
        if self.precision == 'float' and self.backend not in (AUTO, CPU):
            raise GraspDecoderError(
                f'the float model runs on the CPU only, not on {self.backend!r}; use precision int8'
            )


class BundleEngines:
    """One engine for each task of a bundle. Each has run once, so that the first bin takes no longer than others.

    The tasks that run on an accelerator share it: when it fails, all of them continue on the CPU.

    Args:
        bundle: the bundle to open.
        options: precision, back end, device and threads.

    Attributes:
        bundle, options: as given.

    Raises:
        GraspDecoderError: the back end is unknown, does not answer or does not run a model; or a model crashes, which
            is tried in a child process first.
    """

    def __init__(self, bundle: Bundle, options: EngineOptions | None = None):
        self.bundle = bundle
        self.options = options or EngineOptions()
        self._accelerator: Accelerator | None = None
        self._refusal: str | None = None
        prove_models(bundle, self.options.precision)
        self._engines = {task: self._open(task) for task in bundle.manifest.tasks}

    @property
    def backends(self) -> dict[str, str]:
        """Back end, version and device that each task runs on now, as text."""
        return {task: engine.description for task, engine in self._engines.items()}

    @property
    def fault(self) -> str | None:
        """Why decoding does not run on the back end that was asked for, in one line; None if it does."""
        return self._refusal or (self._accelerator.fault if self._accelerator else None)

    def runner(self, task: str, read_in: ReadIn | TrackedReadIn | None = None) -> TaskRunner:
        """A new runner of ``task``. It has its own state, but shares the engine with the task's other runners.

        Two runners of one task must therefore not run at the same time.

        Args:
            task: of the bundle.
            read_in: to use in place of the bundle's, for other units or for latents that drift.

        Raises:
            GraspDecoderError: the bundle has no such task.
        """
        manifest = self.bundle.task(task)
        model = manifest.models[self.options.precision]
        return make_runner(task, manifest, model, self._engines[task], read_in or self.bundle.read_ins.get(task))

    def _open(self, task: str) -> Engine:
        options, models = self.options, self.bundle.models
        known = back_ends()
        if options.backend not in (AUTO, *known):
            raise GraspDecoderError(f'no back end {options.backend!r}; use one of {", ".join((AUTO, *sorted(known)))}')
        files = self.bundle.task(task).models
        file, compiled = files[options.precision], files.get(EDGE_TPU)
        model = Model(f'{task} model', models[file.file], models[compiled.file] if compiled else None)
        cpu = open_cpu(model, None, options.threads)
        buffers = make_buffers(file.inputs), make_buffers(file.outputs)
        try:
            cpu.run(*buffers)
        except ValueError as error:
            raise GraspDecoderError(f'{self.bundle.path / file.file} is not what {MANIFEST} says: {error}') from error
        if options.backend == CPU or (options.backend == AUTO and options.precision == 'float'):
            return cpu
        name = EDGE_TPU if options.backend == AUTO else options.backend
        if self._accelerator is None:
            # Half a bin leaves the CPU enough time to decode the bin that the device missed.
            self._accelerator = Accelerator(name, self.bundle.manifest.bin_s / 2)
        try:
            return self._accelerator.open(lambda: known[name](model, options.device, options.threads), cpu, *buffers)
        except GraspDecoderError as error:
            if options.backend != AUTO:
                raise
            if self._refusal is None:
                log.warning('%s; decoding on the CPU', error)
                self._refusal = str(error)
            return cpu

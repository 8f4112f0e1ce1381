# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Accelerator: a device whose calls have a deadline, so that every decode is in time, from the device or the CPU.

A device can hang inside a native call that nothing can interrupt. Its calls therefore run on a thread of their own.
The first call that is late or fails gives the device up for all tasks and logs a warning, and the CPU decodes from that
bin on. The thread of a call that hangs is abandoned.
"""

from __future__ import annotations

import logging
import queue
import threading
import weakref
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from grasp_decoder.bundle.engines.backends import Engine
from grasp_decoder.errors import GraspDecoderError

OPEN_TIMEOUT_S = 10.0

Calls = queue.SimpleQueue[Callable[[], Any] | None]
Results = queue.SimpleQueue[tuple[Any, Exception | None]]

log = logging.getLogger(__name__)


class Accelerator:
    """The thread that calls one device. The tasks that run on the device share it.

    Args:
        name: name of the back end, for messages.
        deadline_s: time that one run of a model may take, s.

    Attributes:
        name: as given.
        fault: why the device was given up, in one line; None while it is in use.
    """

    def __init__(self, name: str, deadline_s: float):
        self.name = name
        self.fault: str | None = None
        self._deadline_s = deadline_s
        self._calls: Calls = queue.SimpleQueue()
        self._results: Results = queue.SimpleQueue()
        threading.Thread(target=_serve, args=(self._calls, self._results), name=f'{name} calls', daemon=True).start()
        weakref.finalize(self, self._calls.put, None)  # ends the thread, which then lets go of the device

    def open(
        self,
        open_engine: Callable[[], Engine],
        cpu: Engine,
        inputs: Sequence[np.ndarray],
        outputs: Sequence[np.ndarray],
    ) -> Engine:
        """Open the engine of a task on this device and run it once.

        Args:
            open_engine: opens the engine.
            cpu: the same model on the CPU, which takes over if the device fails.
            inputs, outputs: buffers for the first run.

        Raises:
            GraspDecoderError: the device does not answer or was given up before.
        """
        if self.fault:
            raise GraspDecoderError(self.fault)
        engine = self._call(open_engine, OPEN_TIMEOUT_S)
        self._call(lambda: engine.run(inputs, outputs), OPEN_TIMEOUT_S)  # the first run loads the weights
        return WatchedEngine(self, engine, cpu)

    def run(self, engine: Engine, inputs: Sequence[np.ndarray], outputs: Sequence[np.ndarray]) -> bool:
        """Fill ``outputs`` on the device; False if the device was given up, now or before."""
        if self.fault:
            return False
        # The device works on copies: a late call must not write into the buffers that the CPU uses by then.
        copies = [values.copy() for values in inputs], [np.empty_like(values) for values in outputs]
        try:
            self._call(lambda: engine.run(*copies), self._deadline_s)
        except GraspDecoderError as error:
            log.warning('%s; decoding continues on the CPU', error)
            return False
        for values, answer in zip(outputs, copies[1]):
            values[...] = answer
        return True

    def _call(self, function: Callable[[], Any], timeout_s: float) -> Any:
        self._calls.put(function)
        try:
            result, error = self._results.get(timeout=timeout_s)
        except queue.Empty:
            raise self._give_up(f'{self.name} did not answer within {timeout_s * 1e3:.0f} ms') from None
        if error is not None:
            raise self._give_up(
                str(error) if isinstance(error, GraspDecoderError) else f'{self.name} failed: {error}'
            ) from error
        return result

    def _give_up(self, fault: str) -> GraspDecoderError:
        self.fault = fault
        self._calls.put(None)
        return GraspDecoderError(fault)


def _serve(calls: Calls, results: Results) -> None:
    """Make one call after the other until None comes."""
    while (function := calls.get()) is not None:
        try:
            results.put((function(), None))
        except Exception as error:  # any error of a back end is a fault of the device, not of the decoder
            results.put((None, error))


class WatchedEngine:
    """An engine on an accelerator. Once the accelerator has failed, the engine runs on the CPU for good."""

    def __init__(self, accelerator: Accelerator, engine: Engine, cpu: Engine):
        self._accelerator = accelerator
        self._engine = engine
        self._cpu = cpu

    @property
    def description(self) -> str:
        return self._cpu.description if self._accelerator.fault else self._engine.description

    def run(self, inputs: Sequence[np.ndarray], outputs: Sequence[np.ndarray]) -> None:
        if not self._accelerator.run(self._engine, inputs, outputs):
            self._cpu.run(inputs, outputs)

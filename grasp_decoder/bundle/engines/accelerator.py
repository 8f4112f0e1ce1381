"""One accelerator and its deadline: whatever happens on the device, the decode comes from somewhere in time.

A device can wedge inside a native call that nothing can interrupt. Its calls therefore run on a thread of their own;
the first call that is late or fails gives the device up for all tasks, says so, and the CPU takes over from that very
bin. The thread of a wedged call is abandoned.
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

log = logging.getLogger(__name__)


class Accelerator:
    """The thread that talks to one device, shared by the tasks that run on it.

    ``fault`` is None while the device is in use, else one line that says why it was given up.
    """

    def __init__(self, name: str, deadline_s: float):
        self.name = name
        self.fault: str | None = None
        self._deadline_s = deadline_s
        self._calls: queue.SimpleQueue = queue.SimpleQueue()
        self._results: queue.SimpleQueue = queue.SimpleQueue()
        threading.Thread(target=_serve, args=(self._calls, self._results), name=f'{name} calls', daemon=True).start()
        weakref.finalize(self, self._calls.put, None)  # ends the thread, which then lets go of the device

    def open(
        self,
        open_engine: Callable[[], Engine],
        cpu: Engine,
        inputs: Sequence[np.ndarray],
        outputs: Sequence[np.ndarray],
    ) -> Engine:
        """The engine of a task on this device, run once on the buffers given, with ``cpu`` ready to take over.

        Raises:
            GraspDecoderError: the device does not answer.
        """
        if self.fault:
            raise GraspDecoderError(self.fault)
        engine = self._call(open_engine, OPEN_TIMEOUT_S)
        self._call(lambda: engine.run(inputs, outputs), OPEN_TIMEOUT_S)  # the first run loads the weights
        return WatchedEngine(self, engine, cpu)

    def run(self, engine: Engine, inputs: Sequence[np.ndarray], outputs: Sequence[np.ndarray]) -> bool:
        """Fill ``outputs`` on the device; False when it is given up."""
        if self.fault:
            return False
        # The device works on copies: a call that is late must not touch what the CPU computes meanwhile.
        copies = [values.copy() for values in inputs], [np.empty_like(values) for values in outputs]
        try:
            self._call(lambda: engine.run(*copies), self._deadline_s)
        except GraspDecoderError as error:
            log.warning('%s; decoding goes on on the CPU', error)
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


def _serve(calls: queue.SimpleQueue, results: queue.SimpleQueue) -> None:
    """Answer one call after the other until None comes."""
    while (function := calls.get()) is not None:
        try:
            results.put((function(), None))
        except Exception as error:  # whatever a back end raises is the device's fault, not the decoder's
            results.put((None, error))


class WatchedEngine:
    """An engine on an accelerator that hands over to the CPU for good when the accelerator fails."""

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

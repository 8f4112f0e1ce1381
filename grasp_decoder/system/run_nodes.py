# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""A whole run: the nodes as processes, started together, watched, and ended in order."""

from __future__ import annotations

import json
import signal
import sys
import time
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any, TextIO

import yaml

from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.safe_file import write_json
from grasp_decoder.system.description import NodeDescription, node_descriptions
from grasp_decoder.system.network import stay_on_this_machine
from grasp_decoder.system.processes import NodeProcess, end_processes, without_interrupts
from grasp_decoder.system.replay_options import REAL, ReplayOptions
from grasp_decoder.system.restarts import DELAY_S, NEGATIVE, After, Restarts
from grasp_decoder.system.run_result import with_note

POLL_S = 0.05
# The monitor scores a run of hours, and writes its record, before it ends.
PATIENCE_S = 60.0
SHOWN = ('run_monitor', 'viewer')
# A source that begins again would be scored as if its first trials had been decoded twice.
NOT_STARTED_AGAIN = ('spike_replayer', 'run_monitor')


class NodeDied(Exception):
    """A node ended before its time."""


def run_nodes(options: ReplayOptions, folder: Path) -> dict[str, Any]:
    """Start the nodes of a replay, see it through and end them.

    Args:
        options: with the source ``replay``. A file ``result`` is written when anything was decoded.
        folder: for logs and parameter files.

    Returns:
        The result of the run; docs/running.md explains its keys.

    Raises:
        NodeDied: a node ended before its time, and too often to be started again.
        GraspDecoderError: a node refused what it was given.
    """
    result = folder / 'run_result.json'
    run = _Run(folder, result)
    reason = ''
    try:
        with run:
            run.start_all(replace(options, result=str(result)))
            run.watch()
    except BaseException as error:
        reason = str(error) or 'interrupted'
        raise
    finally:
        # A run that ends early leaves its result so far, which says that it is partial.
        if result.exists():
            found = {**with_note(json.loads(result.read_text()), reason), 'restarts': run.restarts}
            if options.result:
                with without_interrupts():
                    write_json(options.result, found)
    return found


def run_live(options: ReplayOptions, folder: Path) -> None:
    """Start the nodes for a live source, print what they say, and see to them until Ctrl-C.

    Args:
        options: with any source but ``replay``.
        folder: for logs and parameter files.

    Raises:
        NodeDied: a node ended too often to be started again.
        GraspDecoderError: a node refused what it was given.
        KeyboardInterrupt: Ctrl-C; the nodes have ended.
    """
    with _Run(folder) as run:
        run.start_all(options)
        run.watch_for_ever()


class _Run:
    """The processes of one run, which end with it; ``restarts`` says how often each node was started again."""

    def __init__(self, folder: Path, result: Path | None = None):
        self.restarts: dict[str, int] = {}
        self._folder = folder
        self._result = result
        self._nodes: dict[str, tuple[NodeDescription, NodeProcess]] = {}
        self._policy = Restarts()

    def __enter__(self) -> _Run:
        return self

    def __exit__(self, *error: object) -> None:
        with without_interrupts():
            stubborn = end_processes(self.processes, PATIENCE_S)
        for process in self.processes:
            if process in stubborn or process.poll() == -signal.SIGALRM:  # its own alarm clock (nodes/life.py)
                said = process.log_text()[-2000:]
                print(f'{process.name} did not end by itself and was killed; its log ends:\n{said}', file=sys.stderr)
        for process in self.processes:
            if process.name == 'recorder' and process.poll() == 2:
                print(process.last_words(), file=sys.stderr)

    @property
    def processes(self) -> list[NodeProcess]:
        return [process for _, process in self._nodes.values()]

    def start_all(self, options: ReplayOptions) -> None:
        stay_on_this_machine()
        self._policy = Restarts(again=options.clock == REAL)
        for description in node_descriptions(options):
            self.start(description)

    def start(self, description: NodeDescription) -> None:
        name = description.executable
        log = self._folder / f'{name}{self.restarts.get(name, "")}.log'
        self._nodes[name] = description, _start(description, self._folder, log)

    def watch(self) -> None:
        """Print what the monitor and the page print until the monitor ends, and see to the nodes that end before it."""
        monitor = self._nodes['run_monitor'][1]
        with ExitStack() as stack:
            outputs = [stack.enter_context(open(each.log)) for each in self.processes if each.name in SHOWN]
            while monitor.poll() is None:
                _relay(outputs)
                for name in list(self._nodes):
                    self._see_to(name)
                time.sleep(POLL_S)
            _relay(outputs)
        self._see_to('run_monitor')

    def watch_for_ever(self) -> None:
        """Print what all nodes print, and see to those that end."""
        outputs: dict[Path, TextIO] = {}
        with ExitStack() as stack:
            while True:
                for process in self.processes:
                    if process.log not in outputs:
                        outputs[process.log] = stack.enter_context(open(process.log))
                _relay(outputs.values())
                for name in list(self._nodes):
                    self._see_to(name)
                time.sleep(POLL_S)

    def _see_to(self, name: str) -> None:
        description, process = self._nodes[name]
        status = process.poll()
        if status is None or (status == 0 and name in NOT_STARTED_AGAIN):
            return
        if status == NEGATIVE and name == 'run_monitor' and self._result and self._result.exists():
            return
        words = process.last_words()
        if status == 2:  # bad input: the node has said what is wrong
            raise GraspDecoderError(words.removeprefix('error: '))
        after = After.END if name in NOT_STARTED_AGAIN else self._policy.after(name, status, time.monotonic())
        if after == After.END:
            raise NodeDied(f'{name} died with status {status}: {words}')
        print(f'{name} died with status {status}, {after.value}: {words}', file=sys.stderr, flush=True)
        if after == After.GO_ON:
            del self._nodes[name]
        else:
            self.restarts[name] = self.restarts.get(name, 0) + 1
            time.sleep(DELAY_S)
            self.start(description)


def _start(description: NodeDescription, folder: Path, log: Path) -> NodeProcess:
    name = description.executable
    own = folder / f'{name}.yaml'
    own.write_text(yaml.safe_dump({f'/**/{name}': {'ros__parameters': description.parameters}}))
    arguments = ['--ros-args', '-r', f'__ns:={description.namespace}', '--enclave', description.enclave]
    for file in (*description.parameter_files, own):
        arguments += ['--params-file', str(file)]
    return NodeProcess(name, arguments, log)


def _relay(outputs: Iterable[TextIO]) -> None:
    for output in outputs:
        for line in output:
            if not line.startswith('error: '):  # it is raised
                print(line, end='', flush=True)

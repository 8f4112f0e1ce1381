"""A whole run: the nodes as processes, started together, watched, and ended in order."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, TextIO

import yaml

from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.safe_file import write_json
from grasp_decoder.system.description import NodeDescription, node_descriptions
from grasp_decoder.system.processes import NodeProcess, end_processes
from grasp_decoder.system.replay_options import ReplayOptions

POLL_S = 0.05
# The monitor decodes the whole run again, offline, before it ends.
PATIENCE_S = 120.0
# These end when their work is done. All others run until they are told to end.
MAY_END = ('run_monitor', 'spike_replayer')


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
        NodeDied: a node ended before its time.
        GraspDecoderError: a node refused what it was given.
    """
    result = folder / 'run_result.json'
    processes: list[NodeProcess] = []
    try:
        for description in node_descriptions(replace(options, result=str(result))):
            processes.append(_start(description, folder))
        _watch(processes)
    finally:
        # A run that ends early leaves its result so far, which says that it is partial.
        for process in end_processes(processes, PATIENCE_S):
            print(f'{process.name} did not end by itself and was killed', file=sys.stderr)
        for process in processes:
            if process.name == 'recorder' and process.poll() == 2:
                print(process.last_words(), file=sys.stderr)
        if options.result and result.exists():
            write_json(options.result, json.loads(result.read_text()))
    return json.loads(result.read_text())


def _start(description: NodeDescription, folder: Path) -> NodeProcess:
    name = description.executable
    own = folder / f'{name}.yaml'
    own.write_text(yaml.safe_dump({name: {'ros__parameters': description.parameters}}))
    arguments = ['--ros-args']
    for file in (*description.parameter_files, own):
        arguments += ['--params-file', str(file)]
    return NodeProcess(name, arguments, folder / f'{name}.log')


def _watch(processes: list[NodeProcess]) -> None:
    """Print what the monitor prints until it ends. Of the other nodes, only the replayer may end before it."""
    monitor = next(process for process in processes if process.name == 'run_monitor')
    with open(monitor.log) as output:
        while monitor.poll() is None:
            _relay(output)
            for process in processes:
                _check(process)
            time.sleep(POLL_S)
        _relay(output)
    _check(monitor)


def _check(process: NodeProcess) -> None:
    status = process.poll()
    if status is None or (status == 0 and process.name in MAY_END):
        return
    words = process.last_words()
    if status == 2:  # bad input: the node has said what is wrong
        raise GraspDecoderError(words.removeprefix('error: '))
    raise NodeDied(f'{process.name} died with status {status}: {words}')


def _relay(output: TextIO) -> None:
    for line in output:
        if not line.startswith('error: '):  # `_check` raises it
            print(line, end='', flush=True)

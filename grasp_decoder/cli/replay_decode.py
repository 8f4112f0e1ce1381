"""replay_decode: replay a session through the running nodes and score the result."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

import yaml

from grasp_decoder.cli.command_line import exit_status
from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.recording.writing import check_writable
from grasp_decoder.system.description import HANDS, SPLITS, NodeDescription, Run, describe
from grasp_decoder.system.processes import NodeProcess, end_processes

POLL_S = 0.05
# The monitor decodes the whole run again, offline, before it ends.
PATIENCE_S = 120.0
# These end when their work is done. All others run until they are told to end.
MAY_END = ('run_monitor', 'spike_replayer')


class NodeDied(Exception):
    """A node ended before its time."""


def main(argv=None) -> int:
    return exit_status(_replay_decode, argv)


def _replay_decode(argv) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--session', required=True, type=Path, help='recording to replay')
    parser.add_argument('--bundle', required=True, type=Path, help='bundle folder, made by train')
    parser.add_argument('--hand', default='none', choices=HANDS, help='simulator of the hand (default: %(default)s)')
    parser.add_argument(
        '--speed', default=1.0, type=float, help='speed relative to real time; 0: as fast as the decoder follows'
    )
    parser.add_argument('--trials', default=0, type=int, help='replay only the first so many trials (default: all)')
    parser.add_argument('--split', default='all', choices=SPLITS, help='test: only trials that training held out')
    parser.add_argument(
        '--only-correct', action='store_true', help='leave out trials that the recording marks as not correct'
    )
    parser.add_argument('--map', type=Path, metavar='FILE', help='mapping YAML of the recording')
    parser.add_argument(
        '--objects', type=Path, metavar='FILE', help='catalogue of objects that the bundle was trained with'
    )
    parser.add_argument(
        '--params-file', type=Path, help='ROS 2 parameter file; its values replace those of config/*.yaml'
    )
    parser.add_argument('--record', default='', help='.npz or .mcap file in which to keep the run')
    parser.add_argument('--json', type=Path, help='where to write the result')
    arguments = parser.parse_args(argv)
    for path in (arguments.session, arguments.bundle, arguments.map, arguments.objects, arguments.params_file):
        if path and not path.exists():
            raise GraspDecoderError(f'{path} does not exist')
    for path in filter(None, (arguments.json, arguments.record)):
        check_writable(Path(path))
    with tempfile.TemporaryDirectory(prefix='replay_decode_') as folder:
        run = Run(
            session=str(arguments.session.absolute()),
            bundle=str(arguments.bundle.absolute()),
            hand=arguments.hand,
            speed=arguments.speed,
            trials=arguments.trials,
            split=arguments.split,
            only_correct=arguments.only_correct,
            mapping=str(arguments.map.absolute()) if arguments.map else '',
            objects=str(arguments.objects.absolute()) if arguments.objects else '',
            params_file=str(arguments.params_file.absolute()) if arguments.params_file else '',
            record=arguments.record and str(Path(arguments.record).absolute()),
            result=str(Path(folder, 'result.json')),
        )
        try:
            result = run_nodes(run, Path(folder))
        except NodeDied as error:
            print(f'error: {error}', file=sys.stderr)
            return 1
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=1) + '\n')
    print_summary(result)
    if result['wrong_bins']:
        print(f"error: {result['wrong_bins']} bins are missing or differ from the offline decoder's", file=sys.stderr)
        return 1
    return 0


def run_nodes(run: Run, folder: Path) -> dict:
    """Start the nodes of ``run``, see it through and end them; logs go to ``folder``, the result is given.

    Raises:
        NodeDied: a node ended before its time.
        GraspDecoderError: a node refused what it was given.
    """
    processes = []
    try:
        for description in describe(run):
            processes.append(_start(description, folder))
        _watch(processes)
    finally:
        stubborn = end_processes(processes, PATIENCE_S)
    for process in stubborn:
        print(f'{process.name} did not end by itself and was killed', file=sys.stderr)
    return json.loads(Path(run.result).read_text())


def _start(description: NodeDescription, folder: Path) -> NodeProcess:
    name = description.executable
    own = folder / f'{name}.yaml'
    own.write_text(yaml.safe_dump({name: {'ros__parameters': description.parameters}}))
    arguments = ['--ros-args']
    for file in (*description.parameter_files, own):
        arguments += ['--params-file', str(file)]
    return NodeProcess(name, arguments, folder / f'{name}.log')


def _watch(processes: list[NodeProcess]) -> None:
    """Relay what the monitor prints until it ends; of the other nodes only the replayer may end before."""
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
    if status == 2:  # bad input, in its own words
        raise GraspDecoderError(words.removeprefix('error: '))
    raise NodeDied(f'{process.name} died with status {status}: {words}')


def _relay(output) -> None:
    for line in output:
        if not line.startswith('error: '):  # said once, by `_check`
            print(line, end='', flush=True)


def print_summary(result: dict) -> None:
    """The result as a table for people."""

    def percent(value):
        return '-' if value is None else f'{100 * value:.1f} %'

    latency = result['latency_ms']
    rows = [
        ('trials', f'{result["trials"]}'),
        ('phase accuracy', percent(result['phase_accuracy'])),
        ('object accuracy', percent(result['object_accuracy'])),
        ('right grip', percent(result['right_grip_rate'])),
        ('hand closed in time', percent(result['closed_rate'])),
        ('object held', percent(result['success_rate'])),
        ('latency p50 / p99 / max', ' / '.join('-' if v is None else f'{v:.2f}' for v in latency.values()) + ' ms'),
        ('lost batches', f'{result["lost_batches"]}'),
        ('wrong bins', f'{result["wrong_bins"]} of {result["bins"]}'),
    ]
    for name, value in rows:
        print(f'{name:26}{value}')
    if result['note']:
        print(result['note'])

# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Time of one decode: each network as int8 and as float on one thread, and beside it Keras' own predict.

The networks have their full size and hardly any training, which does not change how long they take.
"""

from __future__ import annotations

import argparse
import gc
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import grasp_decoder
from benchmark.results import print_table, write_results
from grasp_decoder.bundle.bundle import Bundle
from grasp_decoder.bundle.engines.bundle_engines import BundleEngines, EngineOptions
from grasp_decoder.bundle.export.writing import write_bundle
from grasp_decoder.bundle.manifest import Manifest
from grasp_decoder.bundle.task_network import OBJECT, PHASE, RECURRENT, TaskNetwork
from grasp_decoder.cli.command_line import exit_status
from grasp_decoder.features.count_features import count_features
from grasp_decoder.features.splits import split_trials
from grasp_decoder.features.trial_bins import bin_trials
from grasp_decoder.learning.models.fitting import fit
from grasp_decoder.recording.reading import read_session
from grasp_decoder.recording.synthetic import synthesize

SEED_MODEL = 'seed_bilstm'
TASKS = (PHASE, OBJECT)
BIN_S = 0.04
WARM_UP = 100
KERAS_CALLS = 60


def main(argv=None) -> int:
    return exit_status(_inference, argv)


def _inference(argv) -> int:
    parser = argparse.ArgumentParser(prog='inference', description=__doc__.split('\n')[0])
    parser.add_argument('--session', type=Path, metavar='FILE', help='recording to decode (default: a synthetic one)')
    parser.add_argument(
        '--units', type=int, default=552, metavar='N', help='units of the synthetic session (default: %(default)s)'
    )
    parser.add_argument(
        '--look-back', type=int, default=12, metavar='N', help='bins of a window (default: %(default)s)'
    )
    parser.add_argument('--bins', type=int, default=5000, metavar='N', help='bins to time (default: %(default)s)')
    arguments = parser.parse_args(argv)
    session = read_session(arguments.session) if arguments.session else synthesize(arguments.units, 60)[0]
    split = split_trials(bin_trials(session))
    trials = [*split.train, *split.validation, *split.test]
    bins = np.resize(np.concatenate([trial.counts for trial in trials]), (arguments.bins + WARM_UP, session.unit_count))
    results = {}
    for families in (dict.fromkeys(TASKS), dict.fromkeys(TASKS, SEED_MODEL)):
        networks = [
            fit(
                task,
                split.train,
                split.validation,
                split.classes,
                model=model,
                look_back=arguments.look_back,
                max_seconds=0,
            )
            for task, model in families.items()
        ]
        manifest = Manifest(
            'inference',
            datetime.now(UTC).isoformat(),
            grasp_decoder.__version__,
            (),
            session.units,
            BIN_S,
            arguments.look_back,
            split.classes,
            tuple(map(str, split.classes)),
        )
        with tempfile.TemporaryDirectory() as folder:
            bundle = write_bundle(Path(folder) / 'bundle', networks, split.train, split.validation, manifest)
        times = {precision: _step_times(bundle, precision, bins) for precision in ('int8', 'float')}
        results[' + '.join(dict.fromkeys(network.model for network in networks))] = times | {
            'keras': {network.task: _keras_times(network, bins) for network in networks}
        }
    rows = [
        (f'{model}, {precision}', task, *_percentiles_us(times), _ratio(results[model]['keras'], task, times))
        for model, by_precision in results.items()
        for precision, by_task in by_precision.items()
        for task, times in (by_task | {'both': sum(by_task.values())}).items()
    ]
    header = ('network', 'task', 'p50 us', 'p99 us', 'Keras / this')
    print(f'one decode of {session.unit_count} units, {arguments.look_back} bins of look-back, one thread')
    print_table(header, rows)
    write_results(
        'inference',
        {
            'units': session.unit_count,
            'look_back': arguments.look_back,
            'bins': arguments.bins,
            'decodes': [dict(zip(header, row)) for row in rows],
        },
        _figure(results),
    )
    return 0


def _step_times(bundle: Bundle, precision: str, bins: np.ndarray) -> dict[str, np.ndarray]:
    """Seconds of every step of every task, the tasks in turn as in the decoder."""
    engines = BundleEngines(bundle, EngineOptions(precision, 'cpu'))
    runners = {task: engines.runner(task) for task in TASKS}
    times = np.empty((len(bins), len(runners)))
    gc.collect()
    gc.disable()
    for row, counts in zip(times, bins):
        for column, runner in enumerate(runners.values()):
            start = time.perf_counter()
            runner.step(counts)
            row[column] = time.perf_counter() - start
    gc.enable()
    return dict(zip(runners, times[WARM_UP:].T))


def _keras_times(network: TaskNetwork, bins: np.ndarray) -> np.ndarray:
    """Seconds of ``predict`` on the same inputs, one bin or window at a time."""
    features = count_features(bins, network.lut)
    if network.read_in is not None:
        features = np.array([network.read_in(row) for row in features])
    times = []
    for last in range(network.look_back, network.look_back + KERAS_CALLS):
        first = last - network.look_back
        inputs = [features[None, first] if network.kind == RECURRENT else features[None, first:last]]
        inputs += [np.zeros(tensor.shape, np.float32) for tensor in network.graph.inputs[1:]]
        start = time.perf_counter()
        network.graph.predict(inputs if len(inputs) > 1 else inputs[0], batch_size=1, verbose=0)
        times.append(time.perf_counter() - start)
    return np.array(times[KERAS_CALLS // 3 :])


def _percentiles_us(times: np.ndarray) -> tuple[float, float]:
    return tuple(round(float(np.percentile(times, rank)) * 1e6, 1) for rank in (50, 99))


def _ratio(keras: dict[str, np.ndarray], task: str, times: np.ndarray) -> float:
    reference = sum(keras.values()) if task == 'both' else keras[task]
    return round(float(np.median(reference) / np.median(times)), 1)


def _figure(results: dict):
    figure, axes = plt.subplots(figsize=(8, 4))
    for model, by_precision in results.items():
        for precision in ('int8', 'float'):
            both = np.sort(sum(by_precision[precision].values())) * 1e6
            axes.loglog(both, 1 - np.arange(len(both)) / len(both), label=f'{model}, {precision}')
    axes.set(xlabel='phase and object together (us)', ylabel='share of decodes that took longer')
    axes.legend()
    figure.tight_layout()
    return figure


if __name__ == '__main__':
    raise SystemExit(main())

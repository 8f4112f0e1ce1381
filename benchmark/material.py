# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Sessions and bundles for benchmarks, made once and kept under bench/material."""

from __future__ import annotations

import argparse
import multiprocessing
import os
from pathlib import Path

import numpy as np

from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.recording.session import Session, Trial, Unit
from grasp_decoder.recording.synthetic import synthesize
from grasp_decoder.recording.writing import write_session
from grasp_decoder.types.time import NS_PER_S

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / 'bench' / 'material'


def recording(name: str) -> Path:
    """The shared recording ``name`` in $GRASP_DECODER_DATA, else in ../shared/data beside the checkout."""
    folder = Path(os.environ.get('GRASP_DECODER_DATA') or ROOT.parent / 'shared' / 'data')
    if not (folder / name).exists():
        raise GraspDecoderError(f'no {name} in {folder}: set GRASP_DECODER_DATA to a folder that has it')
    return folder / name


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What is replayed, and in which batches: for `given_or_trained` and `run_graph`."""
    parser.add_argument('--session', type=Path, metavar='FILE', help='recording to replay (default: a synthetic one)')
    parser.add_argument(
        '--bundle', type=Path, metavar='DIR', help='bundle for that recording (default: one that is trained)'
    )
    parser.add_argument(
        '--units', type=int, default=552, metavar='N', help='units of the synthetic session (default: %(default)s)'
    )
    parser.add_argument(
        '--batch-ms', type=float, default=10.0, metavar='MS', help='length of a batch (default: %(default)s)'
    )


def add_priority_argument(parser: argparse.ArgumentParser) -> None:
    """The real-time priority of the nodes, for `run_graph`."""
    parser.add_argument(
        '--priority',
        type=int,
        default=0,
        metavar='N',
        help='real-time priority of the nodes (default: %(default)s, none)',
    )


def given_or_trained(arguments: argparse.Namespace) -> tuple[Path, Path]:
    """The session and bundle of the command line, which go together, else `trained` ones."""
    session, bundle = arguments.session, arguments.bundle
    if (session is None) != (bundle is None):
        raise GraspDecoderError('--session and --bundle go together: give both or neither')
    return (session, bundle) if session else trained(arguments.units)


def trained(units: int, trials: int = 40, seed: int = 42) -> tuple[Path, Path]:
    """A synthetic session of so many units, and a bundle trained on it for a few seconds.

    How well it decodes does not matter here: its networks are the default ones at full size.
    """
    folder = FOLDER / f'{units}_units'
    session, bundle = folder / 'session.mat', folder / f'bundle_{seed}'
    if not bundle.exists():
        folder.mkdir(parents=True, exist_ok=True)
        print(f'making {bundle.relative_to(ROOT)} (once) ...', flush=True)
        write_session(synthesize(units=units, trials=trials)[0], session)
        # In a process of its own, so that the one that measures never loads TensorFlow.
        training = multiprocessing.get_context('spawn').Process(target=_train, args=(session, bundle, seed))
        training.start()
        training.join()
        if not bundle.exists():
            raise GraspDecoderError(f'{bundle} could not be trained: see the messages above')
    return session, bundle


def _train(session: Path, bundle: Path, seed: int) -> None:
    from grasp_decoder.learning.experiment.progress_report import ProgressReport
    from grasp_decoder.learning.experiment.run import run_experiment
    from grasp_decoder.learning.experiment.settings import Settings
    from grasp_decoder.learning.report.report import write_report

    settings = Settings(tasks=('phase', 'object'), baselines='none', max_seconds=15.0, seed=seed)
    run_experiment(session, bundle, settings, ProgressReport(), write_report)


def noise(units: int, rate_hz: float, seconds: float) -> Path:
    """A session of one trial in which every unit fires at random at ``rate_hz``."""
    path = FOLDER / 'noise' / f'{units}_units_{rate_hz:g}_hz_{seconds:g}_s.mat'
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        rng = np.random.default_rng([units, int(rate_hz)])
        stop_ns = round(seconds * NS_PER_S)
        count = rng.poisson(units * rate_hz * seconds)
        times = np.sort(rng.integers(0, stop_ns, count))
        events = {'Start': 0, 'Hold': stop_ns // 2, 'Rew': stop_ns * 3 // 5, 'End': stop_ns}
        trial = Trial(0, 0, stop_ns, events, 21, True, times, rng.integers(0, units, count).astype(np.uint16))
        write_session(Session(path.stem, tuple(Unit(index) for index in range(units)), (trial,)), path)
    return path

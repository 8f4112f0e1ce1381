# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""train: learns decoders from recorded sessions and writes them as sealed bundles with reports."""

from __future__ import annotations

import argparse
import math
from dataclasses import replace
from pathlib import Path

from grasp_decoder.bundle.signature import read_signing_key
from grasp_decoder.cli.command_line import (
    add_mapping_arguments,
    add_signing_argument,
    add_tampering_argument,
    exit_status,
    given_mapping,
)
from grasp_decoder.cli.console_progress import ConsoleProgress
from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.objects import load_merge, load_objects

TASKS = ('phase', 'object', 'dof')


def main(argv=None) -> int:
    return exit_status(_train, argv)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description='Trains decoders of grasp phase, object and aperture from recorded sessions, and writes a sealed '
        'bundle with a report. With several sessions, each has its bundle in OUT/NAME, and the joint report is in '
        'OUT/report.',
    )
    parser.add_argument(
        '--session', nargs='+', required=True, type=Path, metavar='FILE', help='one or more recordings to learn from'
    )
    parser.add_argument('--out', required=True, type=Path, metavar='DIR', help='folder for the bundle')
    parser.add_argument(
        '--tasks',
        type=_tasks,
        metavar='LIST',
        help='tasks to learn, with commas between them: phase,object,dof (default: all that the recording allows)',
    )
    parser.add_argument(
        '--dof',
        metavar='NAME',
        help='the signal of the recording that the task dof decodes, such as the position of the hand. The command '
        'inspect lists the signals (default: none, the synthetic aperture is decoded)',
    )
    parser.add_argument(
        '--velocity', action='store_true', help="decode the signal's rate of change (default: its value)"
    )
    parser.add_argument(
        '--bin-ms', type=_positive(float), default=40, metavar='MS', help='bin width (default: %(default)s)'
    )
    parser.add_argument(
        '--look-back',
        type=_look_back,
        metavar='auto|N',
        help='number of bins in a window (default: auto, which is 12, or fewer if fewer fit between the start of a '
        'trial and Hold)',
    )
    parser.add_argument(
        '--model',
        metavar='NAME',
        help='model family for all tasks, see docs/decoding.md (default: chosen by the number of trials and units)',
    )
    add_mapping_arguments(parser)
    catalogue = parser.add_mutually_exclusive_group()
    catalogue.add_argument(
        '--objects', metavar='FILE', help='catalogue of the objects, see docs/sources.md (default: those of the paper)'
    )
    catalogue.add_argument('--merge', help=argparse.SUPPRESS)  # goes with release 0.3: a catalogue has the copies
    parser.add_argument(
        '--protocol',
        type=_protocol,
        choices=('default', 'published'),
        default='default',
        help='how windows are labelled and classes counted: by the words of the paper, or as in its published code '
        '(default: %(default)s)',
    )
    parser.add_argument(
        '--baselines',
        choices=('fast', 'all', 'none'),
        default='fast',
        help='what the report compares with: fast is naive Bayes and LDA, all adds slower linear decoders '
        "and the paper's BiLSTM "
        '(default: %(default)s)',
    )
    parser.add_argument(
        '--repeats',
        type=_positive(int),
        default=1,
        metavar='N',
        help='number of splits that scores are averaged over; the bundle is of the first (default: %(default)s)',
    )
    parser.add_argument(
        '--search',
        type=_positive(int),
        default=0,
        metavar='N',
        help="first try so many architectures of the paper's table 2 for the object network, in every split anew. The "
        'same command goes on where a search was ended; docs/search.md says how several machines search (default: '
        '%(default)s, no search)',
    )
    parser.add_argument(
        '--train-fraction',
        nargs='+',
        type=float,
        default=[0.8],
        metavar='F',
        help='share of the trials for training and validation. The bundle is of the first share; with more of them, '
        'the report has a curve (default: 0.8)',
    )
    parser.add_argument(
        '--init-from',
        nargs='+',
        default=[],
        type=Path,
        metavar='DIR',
        help='go on from the networks of another day, even if it had other units, see docs/training.md; of several, '
        'the newest one last, which is taken unless another one is surely better. With few trials this decodes far '
        'better (default: train from the beginning)',
    )
    parser.add_argument(
        '--earlier-sessions',
        nargs='+',
        default=[],
        type=Path,
        metavar='FILE',
        help='recordings of earlier days to learn from as well, even if they had other units: each gets a read-in of '
        'its own, and the bundle that of the session. They need the same objects, see docs/training.md (default: none)',
    )
    parser.add_argument(
        '--final',
        action='store_true',
        help='in the end, fit the bundle once more on all trials; the scores stay those of the first fit '
        '(default: the test trials stay out)',
    )
    parser.add_argument(
        '--max-seconds',
        type=_positive(float),
        default=math.inf,
        metavar='S',
        help='time for each session, from reading it to the end of its evaluation. When it is over, the best networks '
        'so far are kept, as after Ctrl-C, and the report says what was left out. Reading, one epoch of each network, '
        'the export and one decode of the test trials are done however long they take (default: no limit)',
    )
    parser.add_argument(
        '--edgetpu',
        action='store_true',
        help='also compile the int8 models with edgetpu_compiler (default: they are not compiled)',
    )
    parser.add_argument(
        '--seed',
        type=int,
        default=42,
        metavar='N',
        help='random state of the first split and of training (default: %(default)s)',
    )
    add_tampering_argument(parser)
    add_signing_argument(parser)
    return parser


def _train(argv) -> int:
    arguments = _parser().parse_args(argv)
    for session in (*arguments.session, *arguments.earlier_sessions):
        if not session.exists():
            raise GraspDecoderError(f'{session}: no such file')
    if len(arguments.session) > 1:
        _require_different_names(arguments.session)
    if arguments.velocity and arguments.dof is None:
        raise GraspDecoderError('--velocity is of a signal: name it (--dof)')
    signing_key = read_signing_key(arguments.sign_with) if arguments.sign_with else None
    # TensorFlow takes seconds to import: it is left out for --help or a wrong argument.
    from grasp_decoder.learning.experiment.measurements import Measurements
    from grasp_decoder.learning.experiment.preparation import prepare
    from grasp_decoder.learning.experiment.progress_report import ProgressReport
    from grasp_decoder.learning.experiment.run import run_experiment
    from grasp_decoder.learning.experiment.settings import Settings
    from grasp_decoder.learning.report.report import write_joint_report, write_report

    settings = Settings(
        tasks=arguments.tasks,
        bin_ns=round(arguments.bin_ms * 1e6),
        look_back=arguments.look_back,
        model=arguments.model,
        mapping=given_mapping(arguments),
        objects=load_merge(arguments.merge) if arguments.merge else load_objects(arguments.objects),
        protocol=arguments.protocol,
        baselines=arguments.baselines,
        repeats=arguments.repeats,
        search_trials=arguments.search,
        train_fractions=tuple(arguments.train_fraction),
        final=arguments.final,
        max_seconds=arguments.max_seconds,
        seed=arguments.seed,
        edge_tpu=arguments.edgetpu,
        init_from=tuple(arguments.init_from),
        earlier_sessions=tuple(arguments.earlier_sessions),
        dof=arguments.dof,
        velocity=arguments.velocity,
        accept_suspicious=arguments.accept_suspicious,
        signing_key=signing_key,
    )
    progress = ConsoleProgress()
    evaluations = []
    several = len(arguments.session) > 1
    for session in arguments.session[1:]:  # a bad session is found now, not after an hour of training
        prepare(session, settings, ProgressReport(), Measurements())
    for session in arguments.session:
        out = arguments.out / _name(session) if several else arguments.out
        evaluation = run_experiment(session, out, settings, progress, write_report)
        if evaluation is None:
            progress.say('this worker has nothing left to try; the chief goes on')
            continue
        evaluations.append(replace(evaluation, name=_name(session)))
        progress.say(f'wrote the bundle {out} and its report {out / "report" / "report.html"}')
    if len(evaluations) > 1:
        write_joint_report(arguments.out / 'report', evaluations)
        progress.say(f'wrote the joint report {arguments.out / "report" / "report.html"}')
    return 0


def _require_different_names(sessions: list[Path]) -> None:
    names = [_name(session) for session in sessions]
    for name in names:
        if names.count(name) > 1:
            raise GraspDecoderError(f'two sessions would both write to {name}; rename one of the files')


def _name(session: Path) -> str:
    return session.name.split('.')[0]


def _tasks(text: str) -> tuple[str, ...]:
    tasks = tuple(dict.fromkeys(text.split(',')))
    unknown = [task for task in tasks if task not in TASKS]
    if unknown:
        raise argparse.ArgumentTypeError(f'{unknown[0]!r} is none of {", ".join(TASKS)}')
    return tasks


def _protocol(text: str) -> str:
    return 'published' if text == 'seed' else text  # its name before release 0.2; goes with release 0.3


def _look_back(text: str) -> int | None:
    if text == 'auto':
        return None
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f'{text!r} is neither auto nor a number of bins') from None


def _positive(kind):
    def parse(text: str):
        value = kind(text)
        if not 0 < value < math.inf:
            raise argparse.ArgumentTypeError(f'{text} is not a number above 0')
        return value

    parse.__name__ = kind.__name__
    return parse

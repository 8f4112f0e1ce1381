# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""evaluate: scores a bundle on a session, decoded bin by bin with the decoder that also runs the hand."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from grasp_decoder.bundle.bundle import load_bundle
from grasp_decoder.cli.command_line import add_recording_arguments, exit_status, given_mapping
from grasp_decoder.cli.console_progress import ConsoleProgress
from grasp_decoder.features.trial_bins import bin_trials
from grasp_decoder.learning.evaluation.evaluation import evaluate_bundle
from grasp_decoder.learning.evaluation.scores import scores
from grasp_decoder.learning.movement import with_movement
from grasp_decoder.objects import load_objects
from grasp_decoder.recording.reading import read_session
from grasp_decoder.recording.writing import check_writable
from grasp_decoder.safe_file import written_whole
from grasp_decoder.system.selection import select_trials


def main(argv=None) -> int:
    return exit_status(_evaluate, argv)


def _evaluate(argv) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--bundle', required=True, type=Path, metavar='DIR', help='folder of the bundle')
    parser.add_argument('--session', required=True, type=Path, metavar='FILE', help='recording to decode')
    parser.add_argument(
        '--split',
        choices=('test', 'all'),
        default='test',
        help="test: the trials that the bundle's training held out, or all trials of a session that it never saw; "
        'all: every trial (default: %(default)s)',
    )
    add_recording_arguments(parser)
    parser.add_argument('--json', required=True, type=Path, metavar='FILE', help='file for the scores')
    arguments = parser.parse_args(argv)
    check_writable(arguments.json)
    bundle = load_bundle(arguments.bundle)
    objects = load_objects(arguments.objects)
    objects.require_labels(bundle.manifest.classes, bundle.manifest.labels, f'bundle {arguments.bundle}')
    session = read_session(arguments.session, given_mapping(arguments), objects)
    bundle.require_unit_count(session.unit_count, f'session {session.name}')
    manifest = bundle.manifest
    chosen = {trial.id for trial in select_trials(session, manifest, arguments.split)}
    trials = [each for each in bin_trials(session, manifest.bin_ns, manifest.merge) if each.trial_id in chosen]
    if manifest.movement:
        trials = [with_movement(each, session.trials[each.trial_id], manifest.movement) for each in trials]
    ConsoleProgress().say(f'decoding {len(trials)} trials of {session.name} with {bundle.id}')
    found = scores(evaluate_bundle(bundle, session, trials, manifest.look_back, objects))
    with written_whole(arguments.json) as file:
        file.write((json.dumps(found, indent=1) + '\n').encode())
    for task, score in (('object', 'accuracy'), ('phase', 'accuracy'), ('dof', 'r2')):
        if task in found:
            low, high = found[task]['ci95']
            print(f'{task:8}{score} {found[task][score]:.3f} ({low:.3f} to {high:.3f})')
    return 0

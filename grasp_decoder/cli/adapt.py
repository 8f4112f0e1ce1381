# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""adapt: makes a bundle for another day in seconds; its networks stay as they are and get a read-in for new units."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from grasp_decoder.bundle.bundle import Bundle, load_bundle
from grasp_decoder.bundle.signature import read_signing_key
from grasp_decoder.cli.command_line import (
    add_recording_arguments,
    add_signing_argument,
    add_tampering_argument,
    exit_status,
    given_mapping,
)
from grasp_decoder.cli.console_progress import ConsoleProgress
from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.features.tampering import require_untouched
from grasp_decoder.features.trial_bins import TrialBins, bin_trials
from grasp_decoder.objects import load_objects
from grasp_decoder.recording.reading import read_session
from grasp_decoder.system.adapter import NOT_WRITTEN


def main(argv=None) -> int:
    return exit_status(_adapt, argv)


def _adapt(argv) -> int:
    parser = argparse.ArgumentParser(
        description='Makes a bundle for another day in seconds: its networks stay as they are and get a read-in for '
        "that day's units. The picture OUT/report/units.png shows which units were matched to units of the bundle."
    )
    parser.add_argument(
        'bundle',
        nargs='+',
        type=Path,
        metavar='DIR',
        help='bundle of an earlier day; of several, the newest one last, which is taken unless another one is surely '
        'better',
    )
    parser.add_argument('--session', required=True, type=Path, metavar='FILE', help='recording of the new day')
    parser.add_argument('--out', required=True, type=Path, metavar='DIR', help='folder for the new bundle')
    parser.add_argument(
        '--trials-per-object',
        type=int,
        default=5,
        metavar='N',
        help='trials of each object whose object is used, the first ones of the session. Of the others, only the '
        'events are used; 0: of all trials (default: %(default)s)',
    )
    add_tampering_argument(parser)
    parser.add_argument(
        '--better-than',
        type=Path,
        metavar='DIR',
        help='bundle that decodes this recording so far. Both bundles decode the newest quarter of its trials, of '
        'which the new one has learnt nothing, and it is only written if it is surely better (default: it is '
        'always written)',
    )
    add_signing_argument(parser)
    add_recording_arguments(parser)
    arguments = parser.parse_args(argv)
    per_object = arguments.trials_per_object
    if per_object < 0:
        raise GraspDecoderError(f'--trials-per-object {per_object}: give 0 or more')
    signing_key = read_signing_key(arguments.sign_with) if arguments.sign_with else None
    bundles = [load_bundle(path) for path in arguments.bundle]
    running = load_bundle(arguments.better_than) if arguments.better_than else None
    # The learning room takes seconds to import: it is left out for --help or a bad bundle.
    from grasp_decoder.bundle.export.writing import bundle_draft, check_replaceable
    from grasp_decoder.learning import adaptation
    from grasp_decoder.learning.evaluation.intervals import mean_interval
    from grasp_decoder.learning.newest_trials import NotBetter, compared_on_newest, require_comparable, split_newest
    from grasp_decoder.learning.report.adaptation_figure import matched_units

    check_replaceable(arguments.out)
    objects = load_objects(arguments.objects)
    progress, began = ConsoleProgress(), time.monotonic()
    for bundle in bundles:
        objects.require_labels(bundle.manifest.classes, bundle.manifest.labels, f'bundle {bundle.path}')
        if running:
            require_comparable(bundle, running)
    session = read_session(arguments.session, given_mapping(arguments), objects)
    if running:
        running.require_unit_count(session.unit_count, str(arguments.session))

    def trials_for(bundle: Bundle) -> list[TrialBins]:
        return bin_trials(session, bundle.manifest.bin_ns, bundle.manifest.merge)

    def day_for(bundle: Bundle) -> adaptation.Day:
        trials = split_newest(trials_for(bundle))[0] if running else trials_for(bundle)
        labelled = adaptation.first_trials(trials, bundle.manifest.classes, per_object)
        progress.say(
            f'fitting a read-in for {session.unit_count} units to {len(trials)} trials, {len(labelled)} of them '
            'labelled'
        )
        return adaptation.Day(labelled, [trial for trial in trials if trial not in labelled], session.units)

    require_untouched(session, trials_for(bundles[0]), arguments.accept_suspicious, progress.say)
    adapted = adaptation.adapt_best(bundles, day_for, progress.say)
    matched, expected, metrics = int(adapted.is_matched.sum()), adapted.expected, {}
    if len(bundles) > 1:
        progress.say(f'{adapted.bundle.path} is taken')
    progress.say(f'{matched} of {session.unit_count} units were matched to units of the earlier day, by electrode')
    if expected:
        low, high = mean_interval(expected.correct, expected.trial)
        n_trials = len(adapted.day.labelled)
        metrics = {'object': {'accuracy': expected.accuracy, 'ci95': [low, high], 'n_trials': n_trials}}
        progress.say(f'expected accuracy in the hold phase: {expected.accuracy:.1%} ({low:.1%} to {high:.1%})')
    else:
        progress.say('expected accuracy: not known without labelled trials')
    verdict = ''
    try:
        with bundle_draft(arguments.out, signing_key=signing_key) as draft:
            draft.metrics = metrics
            made = adaptation.write_adapted(draft, adapted, session)
            if running:
                verdict = compared_on_newest(made, running, session)
            if matched:
                draft.report.mkdir()
                task, found = next(iter(adapted.alignments.items()))
                matched_units(adapted.bundle.start(task), found).savefig(draft.report / 'units.png', dpi=120)
    except NotBetter as refusal:
        progress.say(f'{NOT_WRITTEN}{refusal}')
        return 1
    progress.say(f'wrote the bundle {arguments.out} in {time.monotonic() - began:.0f} s')
    if verdict:
        progress.say(verdict)
    return 0

# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""The result of a run: replay_decode's JSON, and the live line of each trial."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from grasp_decoder.bundle.bundle import Bundle
from grasp_decoder.control.grip_table import GripTable
from grasp_decoder.control.outcome import TrialMarks, TrialOutcome, score_trials, summarize
from grasp_decoder.features.scoring import accuracy
from grasp_decoder.features.trial_bins import bin_trial
from grasp_decoder.recording.session import Session, Trial
from grasp_decoder.safe_file import write_json
from grasp_decoder.system.played_trials import over_ns, played_trials
from grasp_decoder.system.replay_options import REAL
from grasp_decoder.system.run_record import RunRecord
from grasp_decoder.system.verification import expected_bins
from grasp_decoder.types.decoded_grasp import GRASP

NOT_COMPARED = 'the bins were not compared with the offline decoder'
UNPACED = 'at full speed no hand keeps step with the recording: the decoding is judged, grasps and latency are not'


def run_result(
    record: RunRecord,
    session: Session,
    trials: Sequence[Trial],
    bundle: Bundle,
    grips: GripTable,
    paced: bool = True,
    clock: str = REAL,
    real_time_factor: float | None = None,
) -> dict[str, Any]:
    """Score a run; the keys are explained in docs/running.md. Rates and accuracies are of the usable trials.

    Only trials that were played to their end are scored, and ``note`` says why others were not. Without ``paced``
    (speed 0) the hand and the latency are not judged. ``clock`` and ``real_time_factor`` are passed on. ``wrong_bins``
    is null: `count_wrong_bins` takes its time, and the result is kept before.
    """
    played = played_trials(record.decodes, trials, bundle.manifest.bin_ns)
    outcomes = score_run(record, trials, bundle.manifest.merge, grips) if paced else []
    found = summarize([outcome for outcome in outcomes if outcome.segment < played.count])
    notes = [played.note, found['note'] if paced else UNPACED]
    latencies = record.latencies_ms() if paced else ()
    percentiles = {'p50': 50, 'p99': 99, 'max': 100}
    return {
        **found,
        'note': '; '.join(filter(None, notes)),
        'trials': len(trials),
        'trials_usable': sum(trial.usable for trial in trials),
        **decoding_accuracy(record, session, trials[: played.count], bundle),
        'latency_ms': {
            name: float(np.percentile(latencies, q)) if len(latencies) else None for name, q in percentiles.items()
        },
        'stages_ms': {
            stage: {name: float(np.percentile(durations, q)) for name, q in percentiles.items()}
            for stage, durations in record.stages_ms().items()
            if paced and len(durations)
        },
        'clock': clock,
        'real_time_factor': real_time_factor,
        'lost_batches': record.decodes[-1].lost_batches if record.decodes else 0,
        'bins': expected_bins(trials, bundle.manifest.bin_ns),
        'wrong_bins': None,
    }


def with_note(result: dict[str, Any], note: str) -> dict[str, Any]:
    """The result with one more reason in its ``note``; '' for none."""
    return {**result, 'note': '; '.join(filter(None, [result['note'], note]))}


def add_note(path: Path, note: str) -> None:
    """Put one more reason into the ``note`` of a result that was written to ``path``."""
    write_json(path, with_note(json.loads(path.read_text()), note))


def problem(result: dict[str, Any]) -> str:
    """What is wrong with the bins of a run; '' when each was compared with the offline decoder's, and is the same."""
    if result['wrong_bins'] is None:
        return NOT_COMPARED
    return (
        f"{result['wrong_bins']} bins are missing or differ from the offline decoder's" if result['wrong_bins'] else ''
    )


def score_run(
    record: RunRecord, trials: Sequence[Trial], merge: dict[int, int], grips: GripTable, first: int = 0
) -> list[TrialOutcome]:
    """Outcomes of the trials of a run, from the segment ``first`` on; those of the usable ones count."""
    marks = [
        trial_marks(trial, segment, merge, over_ns(trials, segment))
        for segment, trial in enumerate(trials)
        if segment >= first and not trial.excluded
    ]
    return score_trials(marks, record.commands, record.samples, grips)


def trial_marks(trial: Trial, segment: int, merge: dict[int, int], over_ns: float = math.inf) -> TrialMarks:
    """When the phases of a trial began; a recording without a Cue or a Go has them at the start and at Hold.

    A trial without a Hold is all rest, up to its Go if there is one.
    ``over_ns`` is the Cue of the trial that follows in the run.
    """
    events = trial.events
    hold_ns = events.get('Hold', trial.stop_ns)
    return TrialMarks(
        trial=trial.id,
        segment=segment,
        object_id=merge.get(trial.object_id, trial.object_id),
        start_ns=trial.start_ns,
        cue_ns=events.get('Cue', trial.start_ns),
        go_ns=events.get('Go', hold_ns),
        hold_ns=hold_ns,
        rew_ns=events.get('Rew', trial.stop_ns),
        end_ns=trial.stop_ns,
        over_ns=over_ns,
        counts=trial.usable,
    )


def decoding_accuracy(record: RunRecord, session: Session, trials: Sequence[Trial], bundle: Bundle) -> dict:
    """``phase_accuracy`` over all decoded bins, ``object_accuracy`` over the hold phase; usable trials only."""
    manifest = bundle.manifest
    decoded = {(decode.segment, decode.bin): decode for decode in record.decodes}
    phases, objects = [], []  # pairs: decoded, true
    for segment, trial in enumerate(trials):
        if not trial.usable:
            continue
        truth = bin_trial(trial, session.unit_count, manifest.bin_ns, manifest.merge)
        for index in range(truth.n_bins):
            decode = decoded.get((segment, index))
            if decode is None or np.isnan(decode.phase_probability):
                continue
            phases.append((decode.phase, truth.phase[index]))
            if truth.phase[index] == GRASP and truth.object_id in manifest.classes and len(decode.object_probability):
                objects.append((decode.object_id, truth.object_id))
    return {
        'phase_accuracy': accuracy(*np.array(phases).T) if phases else None,
        'object_accuracy': accuracy(*np.array(objects).T) if objects else None,
    }


def trial_line(outcome: TrialOutcome, label: str, number: int, of: int) -> str:
    """One trial, of the object that people call ``label``, for a person who watches."""
    grip = f'{outcome.grip or "none"} ({"right" if outcome.right_grip else "wrong"})'
    if outcome.success is None:
        end = 'closed' if outcome.closed else 'not closed'
    else:
        end = f'held {outcome.kept_s:.1f} s' if outcome.success else outcome.failure
    return f'trial {number:4}/{of}  {label:10}  grip {grip:24}  {end}'


def summary(result: dict) -> str:
    """The result of a run as a table for people."""

    def percent(value: float | None, of: int | None = None) -> str:
        if value is None:
            return '-'
        return f'{100 * value:.1f} %' + ('' if of is None else f' of {of}')

    judged, scored = len(result['outcomes']), result['trials_scored']
    held = percent(result['success_rate'], scored)
    latency = result['latency_ms']
    rows = [
        ('trials', f'{result["trials"]}'),
        ('phase accuracy', percent(result['phase_accuracy'])),
        ('object accuracy', percent(result['object_accuracy'])),
        ('right grip', percent(result['right_grip_rate'], judged)),
        ('hand closed in time', percent(result['closed_rate'], judged)),
        ('object held', f'{held}, {judged - scored} not scored' if scored < judged else held),
        ('latency p50 / p99 / max', ' / '.join('-' if v is None else f'{v:.2f}' for v in latency.values()) + ' ms'),
        ('clock', _clock(result)),
        ('lost batches', f'{result["lost_batches"]}'),
        ('wrong bins', f'{"-" if result["wrong_bins"] is None else result["wrong_bins"]} of {result["bins"]}'),
    ]
    lines = [f'{name:26}{value}' for name, value in rows]
    return '\n'.join([*lines, result['note']] if result['note'] else lines)


def _clock(result: dict[str, Any]) -> str:
    factor = result['real_time_factor']
    return result['clock'] if factor is None else f'{result["clock"]}, {factor:.2g} times real time'

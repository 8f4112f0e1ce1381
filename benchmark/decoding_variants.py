# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Object decoders side by side on validation trials: the table that the default was chosen from."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import numpy as np

import grasp_decoder
from benchmark.material import recording
from benchmark.pieces import Piece, Pieces
from benchmark.results import markdown_table
from grasp_decoder.bundle.export.writing import write_bundle
from grasp_decoder.bundle.manifest import Manifest
from grasp_decoder.bundle.task_network import OBJECT, TaskNetwork
from grasp_decoder.features.splits import Split, split_trials
from grasp_decoder.features.trial_bins import bin_trials
from grasp_decoder.features.windows import DEFAULT_LOOK_BACK
from grasp_decoder.learning.evaluation.baseline_decodes import LDA, decode_baselines
from grasp_decoder.learning.evaluation.decoded_trials import predict_trials
from grasp_decoder.learning.evaluation.object_decodes import ObjectDecodes, hold_windows
from grasp_decoder.learning.evaluation.object_metrics import object_summary
from grasp_decoder.learning.models.causal_gru import fit_causal_gru, fit_fisher_gru
from grasp_decoder.learning.models.seed_bilstm import fit_seed_bilstm
from grasp_decoder.learning.models.training import FitProblem, make_deterministic
from grasp_decoder.learning.report.tables import percent
from grasp_decoder.recording.reading import read_session
from grasp_decoder.recording.session import Session

SEED = 42
SESSION = 'MSyn40.neo.mat'
HEADER = ('model', 'accuracy', 'relaxed', 'per trial', 'int8 agrees', 'int8 size', 'training')

VARIANTS: dict[str, Callable[[FitProblem], TaskNetwork]] = {
    '`fisher_gru`, the default': fit_fisher_gru,
    '`fisher_gru`, one member': partial(fit_fisher_gru, members=1),
    '`fisher_gru`, no noise in training': partial(fit_fisher_gru, noise=0.0),
    '`fisher_gru`, class means not shrunk': partial(fit_fisher_gru, shrink_means=False),
    '`fisher_gru`, 4 directions per epoch': partial(fit_fisher_gru, object_rank=4),
    '`causal_gru`, learnt read-in': fit_causal_gru,
    "`seed_bilstm`, the paper's window model": fit_seed_bilstm,
}


def compare_variants(pieces: Pieces) -> list[str]:
    """Lines of the table: every variant fitted on split 42's training trials and scored on its validation trials.

    Raises:
        OutOfTime: a variant is missing and the time is over.
    """
    _, lda = pieces.get('variant_lda', _lda)
    rows = [
        ('LDA of one window', *_scores(lda[LDA]), *'–––'),
        ('LDA, evidence accumulated over the hold phase', *_scores(_accumulated(lda[LDA])), *'–––'),
    ]
    for index, (name, fit) in enumerate(VARIANTS.items()):
        data, decodes = pieces.get(f'variant_{index}', partial(_fitted, fit))
        rows.append(
            (
                name,
                *_scores(decodes[OBJECT]),
                percent(data['int8_agreement']),
                f'{data["int8_kb"]:.0f} kB',
                f'{data["cpu_s"]:.0f} s of CPU',
            )
        )
    return markdown_table(HEADER, rows)


def _session_and_split() -> tuple[Session, Split]:
    session = read_session(recording(SESSION))
    return session, split_trials(bin_trials(session), SEED)


def _lda() -> Piece:
    _, split = _session_and_split()
    return {}, {LDA: decode_baselines(replace(split, validation=[], test=split.validation), DEFAULT_LOOK_BACK)[LDA]}


def _fitted(fit: Callable[[FitProblem], TaskNetwork]) -> Piece:
    session, split = _session_and_split()
    make_deterministic(SEED)
    start = time.process_time()
    network = fit(
        FitProblem(
            OBJECT,
            split.train,
            split.validation,
            split.classes,
            DEFAULT_LOOK_BACK,
            SEED,
            lambda done, total, message: None,
            np.inf,
        )
    )
    seconds = time.process_time() - start
    decoded = predict_trials({OBJECT: network}, split.validation)
    windows = hold_windows(decoded, split.classes, DEFAULT_LOOK_BACK)
    manifest = Manifest(
        'variant',
        datetime.now(UTC).isoformat(),
        grasp_decoder.__version__,
        (),
        session.units,
        split.train[0].bin_ns / 1e9,
        DEFAULT_LOOK_BACK,
        split.classes,
        tuple(map(str, split.classes)),
    )
    with tempfile.TemporaryDirectory() as folder:
        bundle = write_bundle(Path(folder, 'bundle'), [network], split.train, split.validation, manifest)
        task = bundle.manifest.tasks[OBJECT]
        size = Path(folder, 'bundle', task.models['int8'].file).stat().st_size
    return {'int8_agreement': task.parity.agreement, 'int8_kb': size / 1024, 'cpu_s': seconds}, {OBJECT: windows}


def _scores(windows: ObjectDecodes) -> tuple[str, ...]:
    scores = object_summary([windows])
    return tuple(percent(scores[key]) for key in ('accuracy', 'relaxed_accuracy', 'trial_accuracy'))


def _accumulated(windows: ObjectDecodes) -> ObjectDecodes:
    """Each window's answer from the mean log-probability of all windows of its trial until then."""
    evidence = np.log(np.maximum(windows.probability, 1e-12))
    for trial in np.unique(windows.trial):
        own = windows.trial == trial
        evidence[own] = np.cumsum(evidence[own], axis=0) / np.arange(1, own.sum() + 1)[:, None]
    return replace(windows, probability=np.exp(evidence))

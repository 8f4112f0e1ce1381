"""Object decoders side by side on validation trials: the table that the default was chosen from."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from datetime import datetime, timezone
from functools import partial
from pathlib import Path

import numpy as np

import grasp_decoder
from benchmark.material import recording
from benchmark.results import ROOT
from grasp_decoder.bundle.export import write_bundle
from grasp_decoder.bundle.manifest import Manifest
from grasp_decoder.bundle.task_network import OBJECT, TaskNetwork
from grasp_decoder.features.splits import Split, split_trials
from grasp_decoder.features.trial_bins import bin_trials
from grasp_decoder.features.windows import DEFAULT_LOOK_BACK
from grasp_decoder.learning import metrics
from grasp_decoder.learning.causal_gru import fit_causal_gru, fit_fisher_gru
from grasp_decoder.learning.decoded_trials import predict_trials
from grasp_decoder.learning.seed_bilstm import fit_seed_bilstm
from grasp_decoder.learning.training import FitProblem, make_deterministic
from grasp_decoder.recording.reading import read_session
from grasp_decoder.recording.session import Session

SEED = 42
SESSION = 'MSyn40.neo.mat'
DOCUMENT = ROOT / 'docs' / 'decoding.md'
BEGIN, END = '<!-- variants: begin -->', '<!-- variants: end -->'

VARIANTS: dict[str, Callable[[FitProblem], TaskNetwork]] = {
    '`fisher_gru`, the default': fit_fisher_gru,
    '`fisher_gru`, no noise in training': partial(fit_fisher_gru, noise=0.0),
    '`fisher_gru`, twice the noise': partial(fit_fisher_gru, noise=1.4),
    '`fisher_gru`, class means not shrunk': partial(fit_fisher_gru, shrink_means=False),
    '`fisher_gru`, 4 directions per epoch': partial(fit_fisher_gru, object_rank=4),
    '`causal_gru`, learnt read-in': fit_causal_gru,
    "`seed_bilstm`, the paper's window model": fit_seed_bilstm,
}


def compare_variants() -> int:
    """Fit every variant on split 42's training trials, score it on its validation trials, and write the table."""
    session = read_session(recording(SESSION))
    split = split_trials(bin_trials(session), SEED)
    header = ('model', 'accuracy', 'relaxed', 'per trial', 'int8 agrees', 'int8 size', 'training')
    lines = ['| ' + ' | '.join(header) + ' |', '|---|' + '--:|' * (len(header) - 1)]
    for name, fit in VARIANTS.items():
        lines.append('| ' + ' | '.join((name, *_scored(fit, session, split))) + ' |')
        print(lines[-1], flush=True)
        _write_table(lines)  # after every row, so that an interrupted run leaves the finished ones
    print(f'wrote the table of {DOCUMENT.relative_to(ROOT)}')
    return 0


def _write_table(lines: list[str]) -> None:
    text = DOCUMENT.read_text(encoding='utf-8')
    before, after = text.split(BEGIN)[0], text.split(END)[1]
    DOCUMENT.write_text('\n'.join([before + BEGIN, *lines, END]) + after, encoding='utf-8')


def _scored(fit: Callable[[FitProblem], TaskNetwork], session: Session, split: Split) -> tuple[str, ...]:
    make_deterministic(SEED)
    start = time.process_time()
    network = fit(FitProblem(OBJECT, split.train, split.validation, split.classes, DEFAULT_LOOK_BACK, SEED,
                             lambda done, total, message: None, np.inf))
    seconds = time.process_time() - start
    decoded = predict_trials({OBJECT: network}, split.validation)
    windows = metrics.hold_windows(decoded, split.classes, DEFAULT_LOOK_BACK)
    scores = metrics.object_summary([windows])
    manifest = Manifest('variant', datetime.now(timezone.utc).isoformat(), grasp_decoder.__version__, (), session.units,
                        split.train[0].bin_ns / 1e9, DEFAULT_LOOK_BACK, split.classes, tuple(map(str, split.classes)))
    with tempfile.TemporaryDirectory() as folder:
        bundle = write_bundle(Path(folder, 'bundle'), [network], split.train, split.validation, manifest)
        task = bundle.manifest.tasks[OBJECT]
        size = Path(folder, 'bundle', task.models['int8'].file).stat().st_size
    return (*(f'{100 * scores[key]:.1f} %' for key in ('accuracy', 'relaxed_accuracy', 'trial_accuracy')),
            f'{100 * task.parity.agreement:.1f} %', f'{size / 1024:.0f} kB', f'{seconds:.0f} s of CPU')

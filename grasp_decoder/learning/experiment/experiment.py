"""One session from recording to sealed bundle and report: what `train` does."""

from __future__ import annotations

import hashlib
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import numpy as np

import grasp_decoder
from grasp_decoder.bundle.bundle import Bundle
from grasp_decoder.bundle.edge_report import edge_report
from grasp_decoder.bundle.export.edge_tpu_compiler import require_compiler
from grasp_decoder.bundle.export.writing import check_replaceable, write_bundle
from grasp_decoder.bundle.manifest import Manifest, SelfReset, SourceSession
from grasp_decoder.bundle.task_network import OBJECT, TaskNetwork
from grasp_decoder.features.splits import Split, random_states
from grasp_decoder.features.trial_bins import TrialBins
from grasp_decoder.learning.evaluation.baseline_decodes import ALL, LDA, NONE, SEED_BILSTM, decode_baselines
from grasp_decoder.learning.evaluation.decoded_trials import DecodedTrial, predict_trials
from grasp_decoder.learning.evaluation.evaluation import Evaluation, evaluate_bundle
from grasp_decoder.learning.evaluation.object_decodes import ObjectDecodes, hold_windows
from grasp_decoder.learning.evaluation.object_metrics import object_summary
from grasp_decoder.learning.evaluation.scores import headline, scores
from grasp_decoder.learning.experiment.preparation import Narrator, Run, Settings, prepare
from grasp_decoder.learning.models.search import search
from grasp_decoder.learning.models.seed_bilstm import Architecture, fit_seed_bilstm
from grasp_decoder.learning.models.training import FitProblem
from grasp_decoder.types.time import NS_PER_S

WriteReport = Callable[[Path, Evaluation], None]


@dataclass
class Beside:
    """What is decoded beside the bundle's own networks, as far as it was finished.

    Attributes:
        repeats: decoded test trials of the splits after the first.
        baselines: name -> decodes of each split.
        curve: scores with other training fractions.
    """

    repeats: list[list[DecodedTrial]] = field(default_factory=list)
    baselines: dict[str, list[ObjectDecodes]] = field(default_factory=dict)
    curve: list[dict] = field(default_factory=list)

    def add_baselines(self, found: dict[str, ObjectDecodes]) -> None:
        for name, decodes in found.items():
            self.baselines.setdefault(name, []).append(decodes)


def run_experiment(
    path: Path, out: Path, settings: Settings, narrator: Narrator, write_report: WriteReport
) -> Evaluation | None:
    """Read, bin, split, fit, export, evaluate and report one session; None in a worker of a search.

    Ctrl-C ends the network that is being trained at its best epoch. Once the bundle's own networks are trained, it ends
    everything else that was asked for, and the bundle and its report are written with what is finished.

    Args:
        path: of the recording.
        out: the bundle's folder.
        write_report: called with the folder ``report`` of the bundle and the evaluation.

    Raises:
        GraspDecoderError: bad input; nothing is written then.
    """
    check_replaceable(out)
    if settings.edge_tpu:
        require_compiler()
    run = prepare(path, settings, narrator)
    states = random_states(settings.repeats, settings.seed)

    if settings.search_trials:
        architecture = _search(run, states[0], out)
        if architecture is None:
            return None
        run.models[OBJECT] = partial(fit_seed_bilstm, architecture=architecture)
        run.deadline = time.monotonic() + settings.max_seconds
    networks, split = _fit_split(run, states[0])
    beside = _beside(run, states, split)

    def evaluate(bundle: Bundle) -> Evaluation:
        narrator.say(f'evaluating on {len(split.test)} held-out trials, causally')
        with _timed(run, 'evaluate_s'):
            found = evaluate_bundle(bundle, run.session, split.test, run.look_back)
        found = replace(
            found,
            repeats=found.repeats + beside.repeats,
            baselines=beside.baselines,
            timing=run.timing,
            facts=_facts(run, states[: 1 + len(beside.repeats)], split, bundle.manifest),
        )
        return replace(found, curve=[_first_curve_point(found), *beside.curve] if beside.curve else [])

    if not settings.final:
        return _export(run, out, networks, split, evaluate, write_report)
    with tempfile.TemporaryDirectory() as scratch:
        evaluation = _export(run, Path(scratch, 'bundle'), networks, split, evaluate, lambda folder, found: None)
    narrator.say('fitting once more, on the held-out trials as well; the scores are those of the decoder before')
    everything = replace(split, train=split.train + split.test, test=[])
    networks = {task: run.fit(task, everything, states[0], run.model(task)) for task in run.tasks}
    return _export(run, out, networks, everything, lambda bundle: evaluation, write_report)


def _search(run: Run, state: int, out: Path) -> Architecture | None:
    """Search the architecture of the object network on the first split; finished trials are kept beside the bundle."""
    settings = run.settings
    split = run.split(state)
    problem = FitProblem(
        OBJECT,
        split.train,
        split.validation,
        split.classes,
        run.look_back,
        state,
        run.narrator.stage(f'search, split {state}'),
        run.deadline - time.monotonic(),
    )
    identity = (
        run.session.source_sha256,
        settings.bin_ns,
        run.look_back,
        sorted(settings.objects.copies.items()),
        settings.protocol,
        state,
        settings.train_fractions[0],
    )
    project = hashlib.sha256(repr(identity).encode()).hexdigest()[:16]
    return search(problem, settings.search_trials, out.with_name(f'{out.name}.search'), project, run.narrator.say)


def _beside(run: Run, states: list[int], split: Split) -> Beside:
    """Baselines, further splits and further training fractions; Ctrl-C ends it, and what is finished is kept."""
    found = Beside()
    run.must_fit = False
    try:
        found.add_baselines(_baselines(run, split, states[0]))
        for state in states[1:]:
            networks, other = _fit_split(run, state)
            baselines = _baselines(run, other, state)
            found.repeats.append(predict_trials(networks, other.test))
            found.add_baselines(baselines)
        for fraction in run.settings.train_fractions[1:]:
            found.curve.append(_curve_point(run, states, fraction))
    except KeyboardInterrupt:
        run.narrator.say('interrupted: the bundle is written, with a report on what is finished')
    run.must_fit = True
    return found


def _fit_split(run: Run, state: int) -> tuple[dict[str, TaskNetwork], Split]:
    """Fit every task on one split."""
    split = run.split(state)
    networks = {}
    for task in run.tasks:
        start = time.monotonic()
        networks[task] = run.fit(task, split, state, run.model(task))
        run.timing.setdefault(f'train_{task}_s', time.monotonic() - start)
    return networks, split


def _baselines(run: Run, split: Split, state: int) -> dict[str, ObjectDecodes]:
    if run.settings.baselines == NONE or OBJECT not in run.tasks:
        return {}
    run.narrator.say(f'baselines, split {state}')
    found = decode_baselines(split, run.look_back)
    if run.settings.baselines == ALL:
        start = time.monotonic()
        network = run.fit(OBJECT, split, state, SEED_BILSTM)
        found[SEED_BILSTM] = hold_windows(predict_trials({OBJECT: network}, split.test), split.classes, run.look_back)
        run.timing.setdefault('train_seed_bilstm_s', time.monotonic() - start)
    return found


def _curve_point(run: Run, states: list[int], fraction: float) -> dict:
    """Scores with another fraction of the trials for training and validation (the paper's table 5)."""
    decoder, lda, sizes = [], [], []
    for state in states:
        split = run.split(state, fraction)
        network = run.fit(OBJECT, split, state, run.model(OBJECT))
        decoded = predict_trials({OBJECT: network}, split.test)
        decoder.append(hold_windows(decoded, split.classes, run.look_back))
        lda.append(decode_baselines(split, run.look_back)[LDA])
        sizes.append((len(split.train), len(split.validation), len(split.test)))
    return _curve_row(fraction, sizes[0], decoder, lda)


def _first_curve_point(evaluation: Evaluation) -> dict:
    return _curve_row(
        evaluation.facts['train_fraction'],
        evaluation.facts['split'],
        evaluation.object_repeats,
        evaluation.baselines.get(LDA),
    )


def _curve_row(fraction: float, sizes, decoder, lda) -> dict:
    row = {'train_fraction': fraction, 'trials': list(sizes)}
    for name, repeats in (('decoder', decoder), (LDA, lda)):
        if repeats:
            summary = object_summary(repeats)
            row[name] = {key: summary[key] for key in ('accuracy', 'ci95', 'relaxed_accuracy', 'relaxed_ci95')}
    return row


def _export(
    run: Run,
    out: Path,
    networks: dict[str, TaskNetwork],
    split: Split,
    evaluate: Callable[[Bundle], Evaluation],
    write_report: WriteReport,
) -> Evaluation:
    evaluation: Evaluation | None = None

    def report(bundle: Bundle, folder: Path) -> dict:
        nonlocal evaluation
        run.timing['export_s'] = time.monotonic() - start
        evaluation = replace(evaluate(bundle), edge_tpu=edge_report(bundle))
        run.timing['peak_rss_mb'] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        write_report(folder, evaluation)
        return headline(scores(evaluation))

    run.narrator.say('exporting to TFLite, as float and as int8')
    start = time.monotonic()
    write_bundle(
        out,
        list(networks.values()),
        split.train,
        split.validation,
        _manifest(run, split),
        report,
        run.settings.edge_tpu,
    )
    return evaluation


def _manifest(run: Run, split: Split) -> Manifest:
    ids = {
        part: tuple(sorted(trial.trial_id for trial in getattr(split, part)))
        for part in ('train', 'validation', 'test')
    }
    return Manifest(
        name=run.session.name,
        created=datetime.now(UTC).isoformat(timespec='seconds'),
        package_version=grasp_decoder.__version__,
        sessions=(SourceSession(run.session.name, run.session.source_sha256, **ids),),
        units=run.session.units,
        bin_s=run.settings.bin_ns / NS_PER_S,
        look_back=run.look_back,
        classes=split.classes,
        labels=tuple(run.settings.objects.find(object_id).label for object_id in split.classes),
        merge=dict(run.settings.objects.copies),
        self_reset=_self_reset(split.train),
        final=run.settings.final and not split.test,
        started_from=run.started_from,
        movement=run.movement,
    )


def _self_reset(train: list[TrialBins]) -> SelfReset | None:
    """In one endless segment a trial is over once a grasp was followed by as much rest as follows one in training."""
    if not all('Rew' in trial.event_bins for trial in train):
        return None
    after_release = [trial.n_bins - trial.event_bins['Rew'] for trial in train]
    hold = [np.count_nonzero(trial.phase) for trial in train]
    return SelfReset(grasp_bins=max(2, int(np.median(hold)) // 2), rest_bins=max(1, int(np.median(after_release))))


def _facts(run: Run, states: list[int], split: Split, manifest: Manifest) -> dict:
    return {
        'units': run.session.unit_count,
        'trials': len(run.session.trials),
        'usable_trials': len(run.trials),
        'bin_ms': run.settings.bin_ns / 1e6,
        'look_back': run.look_back,
        'protocol': run.settings.protocol,
        'split': [len(split.train), len(split.validation), len(split.test)],
        'random_states': states,
        'train_fraction': run.settings.train_fractions[0],
        'final': run.settings.final,
        'started_from': run.started_from,
        'ended_early': run.ended_early,
        'models': {task: network.model for task, network in manifest.tasks.items()},
    }


@contextmanager
def _timed(run: Run, name: str) -> Iterator[None]:
    start = time.monotonic()
    yield
    run.timing[name] = time.monotonic() - start

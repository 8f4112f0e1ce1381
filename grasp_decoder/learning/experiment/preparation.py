"""One session, read, binned and checked against what was asked for: what an experiment starts with."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np

from grasp_decoder.bundle.bundle import load_bundle
from grasp_decoder.bundle.manifest import Movement
from grasp_decoder.bundle.task_network import DOF, OBJECT, TASKS, TaskNetwork
from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.features.splits import DEFAULT_TRAIN_FRACTION, FIRST_RANDOM_STATE, Split, split_trials
from grasp_decoder.features.stored_bins import stored_bin_trials
from grasp_decoder.features.trial_bins import DEFAULT_BIN_NS, TrialBins
from grasp_decoder.features.windows import choose_look_back
from grasp_decoder.learning.evaluation.baseline_decodes import ALL, FAST
from grasp_decoder.learning.models.causal_gru import continue_gru, fit_causal_gru
from grasp_decoder.learning.models.families import ModelFamily
from grasp_decoder.learning.models.fitting import fit
from grasp_decoder.learning.models.interrupts import noticed_interrupt
from grasp_decoder.learning.movement import movement_range, with_movement
from grasp_decoder.objects import ObjectCatalogue, load_objects
from grasp_decoder.recording.reading import read_session
from grasp_decoder.recording.session import Session


@dataclass(frozen=True)
class Settings:
    """The command line of `train`, but for sessions and output; None takes what the data allow."""

    tasks: tuple[str, ...] | None = None
    bin_ns: int = DEFAULT_BIN_NS
    look_back: int | None = None
    model: str | None = None
    mapping: Path | None = None
    objects: ObjectCatalogue = field(default_factory=load_objects)
    protocol: str = 'default'
    baselines: str = FAST
    repeats: int = 1
    search_trials: int = 0
    train_fractions: tuple[float, ...] = (DEFAULT_TRAIN_FRACTION,)
    final: bool = False
    max_seconds: float = math.inf
    seed: int = FIRST_RANDOM_STATE
    edge_tpu: bool = False
    init_from: Path | None = None
    dof: str | None = None
    velocity: bool = False


class Narrator:
    """Told how a run goes; says nothing by default."""

    def say(self, line: str) -> None:
        """One line worth reading."""

    def stage(self, name: str) -> Callable[[int, int, str], None]:
        """A stage begins; the answer is called as ``progress(done, total, message)``."""
        return lambda done, total, message: None


@dataclass
class Run:
    """One session on its way through an experiment."""

    settings: Settings
    narrator: Narrator
    session: Session
    trials: list[TrialBins]
    tasks: tuple[str, ...]
    look_back: int
    fits_to_go: int
    timing: dict[str, float] = field(default_factory=dict)
    deadline: float = math.inf
    models: dict[str, ModelFamily] = field(default_factory=dict)
    started_from: str | None = None
    movement: Movement | None = None
    must_fit: bool = True
    ended_early: list[str] = field(default_factory=list)

    def split(self, state: int, fraction: float | None = None) -> Split:
        """One split of the trials, by default with the first of the training fractions."""
        return split_trials(
            self.trials,
            state,
            fraction or self.settings.train_fractions[0],
            self.settings.protocol,
            by_object=OBJECT in self.tasks,
        )

    def model(self, task: str) -> str | ModelFamily | None:
        """The model of a task: of a search or another day, what was asked for, or None for the default."""
        return self.models.get(task, self.settings.model)

    def fit(self, task: str, split: Split, state: int, model: str | ModelFamily | None) -> TaskNetwork:
        """Fit one network; the time that is left is shared evenly among the fits that are left.

        Raises:
            KeyboardInterrupt: Ctrl-C came, and not all of `must_fit` is wanted any more.
        """
        seconds = max(0, (self.deadline - time.monotonic()) / self.fits_to_go)
        self.fits_to_go = max(1, self.fits_to_go - 1)
        watch = _Watch(self.narrator.stage(f'{task}, split {state}'), seconds)
        with noticed_interrupt() as interrupted:
            network = fit(
                task,
                split.train,
                split.validation,
                split.classes,
                model=model,
                look_back=self.look_back,
                seed=state,
                progress=watch,
                max_seconds=seconds,
            )
        if interrupted and not self.must_fit:
            raise KeyboardInterrupt
        if interrupted or watch.out_of_time:
            self.ended_early.append(f'{task}, split {state}')
            self.narrator.say(f'training ended early: {self.ended_early[-1]}; its best epoch so far is kept')
        return network


class _Watch:
    """Passes progress on, and notices when training ended because its time was over."""

    def __init__(self, progress: Callable[[int, int, str], None], seconds: float):
        self._progress = progress
        self._seconds = seconds
        self._started = time.monotonic()
        self.out_of_time = False

    def __call__(self, done: int, total: int, message: str) -> None:
        elapsed = time.monotonic() - self._started
        self.out_of_time = done < total and elapsed * (done + 1) / max(1, done) > self._seconds
        self._progress(done, total, message)


def prepare(path: Path, settings: Settings, narrator: Narrator) -> Run:
    """Read, bin and split a session: whatever is wrong with it, or does not fit the settings, is found here.

    Raises:
        GraspDecoderError: as said.
    """
    timing: dict[str, float] = {}
    deadline = time.monotonic() + settings.max_seconds
    narrator.say(f'reading {path}')
    start = time.monotonic()
    session = read_session(path, settings.mapping, settings.objects)
    timing['read_s'] = time.monotonic() - start
    start = time.monotonic()
    trials = stored_bin_trials(session, settings.bin_ns, settings.objects.copies, settings.protocol)
    timing['bin_s'] = time.monotonic() - start
    tasks = _tasks(session, trials, settings, narrator)
    if OBJECT not in tasks and (settings.search_trials or len(settings.train_fractions) > 1):
        raise GraspDecoderError(
            'a search and a curve of training fractions are about the object network: add object to --tasks'
        )
    fits = len(tasks) * (settings.repeats + settings.final) + (OBJECT in tasks) * settings.repeats * (
        len(settings.train_fractions) - 1 + (settings.baselines == ALL)
    )
    run = Run(
        settings, narrator, session, trials, tasks, choose_look_back(trials, settings.look_back), fits, timing, deadline
    )
    if settings.dof is not None and DOF in tasks:
        _decode_movement(run)
    if settings.init_from is not None:
        _start_from_another_day(run)
    for fraction in settings.train_fractions:
        split = run.split(settings.seed, fraction)
    _say_what_is_left_out(run, split)
    objects = f'{len(split.classes)} objects, ' if split.classes else ''
    narrator.say(
        f'{session.name}: {session.unit_count} units, {len(trials)} usable trials of {len(session.trials)}, '
        f'{objects}bins of {settings.bin_ns / 1e6:g} ms, look-back {run.look_back} bins'
    )
    return run


def _say_what_is_left_out(run: Run, split: Split) -> None:
    rare = Counter(trial.object_id for trial in run.trials if split.classes and trial.object_id not in split.classes)
    if rare:
        run.narrator.say(
            'left out, because fewer than 3 trials can neither be trained nor tested: '
            + ', '.join(f'{run.settings.objects.find(each).label} ({count})' for each, count in sorted(rare.items()))
        )
    fires = np.any([trial.counts.any(axis=0) for trial in run.trials], axis=0)
    if not fires.all():
        run.narrator.say(f'{np.count_nonzero(~fires)} of {len(fires)} units have no spike in any usable trial')


def _tasks(session: Session, trials: list[TrialBins], settings: Settings, narrator: Narrator) -> tuple[str, ...]:
    """The tasks that were asked for, else all that the session allows."""
    if settings.tasks is not None:
        if not session.is_grasping and settings.tasks != (DOF,):
            raise GraspDecoderError(
                f'session {session.name} has movement and no grasps: only the task dof can be '
                'learnt from it (--tasks dof --dof position)'
            )
        return settings.tasks
    if not session.is_grasping:
        return (DOF,)
    if settings.dof is not None or all(np.isfinite(trial.dof).all() for trial in trials):
        return TASKS
    narrator.say('no degree of freedom: its trajectory needs the events Go, Hold, Rew and End in every trial')
    return tuple(task for task in TASKS if task != DOF)


def _decode_movement(run: Run) -> None:
    """Make a signal of the recording the target of the task dof, scaled by the training trials of the first split."""
    settings, recorded = run.settings, run.session.trials
    run.movement = movement_range(run.session, run.split(settings.seed).train, settings.dof, settings.velocity)
    run.trials = [with_movement(trial, recorded[trial.trial_id], run.movement) for trial in run.trials]
    # The closed-form read-in looks for objects and phases, not for movement.
    run.models.setdefault(DOF, settings.model or fit_causal_gru)


def _start_from_another_day(run: Run) -> None:
    """With --init-from, fit each task by going on from that bundle."""
    settings = run.settings
    if run.movement is not None:
        raise GraspDecoderError('--init-from knows objects and phases, not a movement: leave out --dof or --init-from')
    if settings.model or settings.search_trials:
        raise GraspDecoderError('--init-from goes on with the networks of the bundle: leave out --model and --search')
    bundle = load_bundle(settings.init_from)
    if bundle.manifest.bin_ns != settings.bin_ns:
        raise GraspDecoderError(
            f'bundle {settings.init_from} decodes bins of {bundle.manifest.bin_ns / 1e6:g} ms: '
            'give the same width (--bin-ms)'
        )
    run.started_from = bundle.id
    run.models.update({task: partial(continue_gru, start=bundle.start(task)) for task in run.tasks})

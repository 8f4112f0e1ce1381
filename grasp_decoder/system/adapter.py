# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Adapter: makes better bundles from the trials of a running system, and says when the decoder shall take one over."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable
from enum import Enum
from itertools import count
from pathlib import Path
from typing import Protocol

from grasp_decoder.bundle.bundle import load_bundle
from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.objects import load_objects
from grasp_decoder.recording.writing import write_session
from grasp_decoder.system.collected_trials import CollectedTrials
from grasp_decoder.system.node_settings import AdapterSettings
from grasp_decoder.system.processes import NodeProcess
from grasp_decoder.system.restarts import NEGATIVE
from grasp_decoder.types.decoder_info import DecoderInfo

PATIENCE_S, S_PER_MIN = 30.0, 60
NOT_WRITTEN = 'not written: '
"""What `adapt` says first where a bundle is not better."""

FEWEST_TRIALS = 32
"""With fewer no bundle is made: a quarter of them has to tell which bundle is better."""


class Making(Protocol):
    """The process in which a bundle is made."""

    def poll(self) -> int | None:
        """Exit status, or None while it runs."""

    def last_words(self) -> str:
        """The last line that it wrote."""

    def interrupt(self) -> None:
        """Let it end without a bundle."""

    def kill(self) -> None:
        """End it at once, even if it gets no CPU time."""

    def wait(self, timeout_s: float) -> int | None:
        """Exit status, or None when it still runs after the time-out."""


class Activity(Enum):
    """What an adapter is doing; the values are for people."""

    COLLECTING = 'collecting trials'
    MAKING = 'making a bundle'
    OFFERING = 'offering a bundle to the decoder'
    STOPPED = 'stopped after a roll back, until ~/adapt is called'


class Adapter:
    """Every bundle is made from the first one, so that no error of one is carried on to the next.

    `adapt` makes it, in a process of its own, and writes it only if it decodes the newest trials better than the bundle
    that runs.

    Args:
        settings: of the node.
        start: starts `adapt` with these arguments; what it leaves beside the bundle goes to this folder.
        clock: CLOCK_MONOTONIC, s.

    Attributes:
        trials: of the running system, to be told of spikes and events.
        activity: what it is doing.
        said: what came of the last bundle, in one line.
        trouble: what is wrong with the system; '' while nothing is.
        taken, refused: bundles that decode or did so; bundles that were not better.

    Raises:
        GraspDecoderError: the bundle cannot be read.
    """

    def __init__(
        self,
        settings: AdapterSettings,
        start: Callable[[list[str], Path], Making],
        clock: Callable[[], float] = time.monotonic,
    ):
        self._settings = settings
        self._start = start
        self._clock = clock
        first = load_bundle(Path(settings.bundle).resolve())
        self._objects = load_objects(settings.objects)
        self._first = first.path
        self._folder = Path(settings.folder or first.path.parent).resolve()
        self.trials = CollectedTrials(first.manifest.units, first.manifest.bin_ns, settings.most_trials)
        self.activity = Activity.COLLECTING
        self.said, self.trouble = 'no bundle was made yet', ''
        self.taken = self.refused = 0
        self._known = {first.sha256: first.path}
        self._running: Path | None = None
        self._before: list[Path] = []
        self._tried_at = 0
        self._asked = False
        self._scratch: tempfile.TemporaryDirectory[str] | None = None
        self._making: Making | None = None
        self._begun_s = 0.0
        self._offered, self._offered_s, self._verdict = Path(), 0.0, ''
        self._compared: Path | None = None

    @property
    def running(self) -> str:
        """The bundle that decodes, for people."""
        return str(self._running or 'not known here')

    @property
    def making_s(self) -> float:
        """For how long a bundle is being made, s; 0 where none is."""
        return self._clock() - self._begun_s if self.activity is Activity.MAKING else 0.0

    def take_info(self, info: DecoderInfo) -> None:
        """The decoder says which bundle decodes."""
        now, before = self._known.get(info.bundle_sha256), self._running
        self._running = now
        if now is None:
            self.trouble = f'bundle {info.bundle_id} decodes, and it is not known here: start adapter with it'
        elif before is None:
            self.trouble = ''
        elif self._before and now == self._before[-1]:
            self._before.pop()
        elif now != before:
            self._before.append(before)

    def adapt(self) -> str:
        """Make a bundle at once, also after a roll back.

        Returns:
            What will happen, for who asked.

        Raises:
            GraspDecoderError: it cannot be made now.
        """
        if self.activity in (Activity.MAKING, Activity.OFFERING):
            raise GraspDecoderError(f'busy {self.activity.value}: wait for what comes of it')
        if self.trials.count < FEWEST_TRIALS:
            raise GraspDecoderError(f'{self.trials.count} usable trials are too few: wait for {FEWEST_TRIALS}')
        if self._running is None:
            raise GraspDecoderError('no decoder runs a bundle that is known here')
        self.activity, self._asked = Activity.COLLECTING, True
        return f'making a bundle from the {min(self.trials.count, self._settings.most_trials)} newest trials'

    def roll_back(self) -> str:
        """Stop adapting.

        Returns:
            The bundle that decoded before this one, which the decoder shall take.

        Raises:
            GraspDecoderError: there is none.
        """
        if not self._before:
            raise GraspDecoderError('no other bundle decoded before this one')
        if self._making is not None:
            self._making.kill()  # one that gets no CPU time would never hear that it shall end
        self.activity = Activity.STOPPED
        return str(self._before[-1])

    def step(self) -> str | None:
        """Do what is due.

        Returns:
            A bundle that the decoder shall be asked to take, once; None for nothing. `answered` gets its answer.
        """
        if self.activity is Activity.COLLECTING and self._is_due() and self._has_ended():
            self._begin()
        elif self.activity is Activity.MAKING and self._making is not None:
            status = self._making.poll()
            if status is not None:
                return self._made(status, self._making.last_words())
            if self.making_s > self._settings.longest_min * S_PER_MIN:
                self._give_up(self._making)
        elif self.activity is Activity.OFFERING and self._clock() > self._offered_s + PATIENCE_S:
            self.answered(str(self._offered), False, 'the decoder does not answer')
        return None

    def answered(self, bundle: str, success: bool, message: str) -> None:
        """The decoder has taken a bundle that it was asked to take, or refused it."""
        if self.activity is not Activity.OFFERING or bundle != str(self._offered):
            return  # it comes too late
        self.activity = Activity.COLLECTING
        self.taken += success
        self.trouble = '' if success else f'{self._offered} was not taken: {message}'
        self.said = f'{message}: {self._verdict}' if success else self.trouble

    def close(self) -> None:
        """End what is being made, and leave nothing of it."""
        if self._making is not None:
            self._making.interrupt()
            if self._making.wait(PATIENCE_S) is None:
                self._making.kill()
        self._clean_up()

    def _is_due(self) -> bool:
        if self._running is None or self.trials.count < FEWEST_TRIALS:
            return False
        every = self._settings.new_trials
        return self._asked or bool(every and self.trials.count - self._tried_at >= every)

    def _begin(self) -> None:
        self._asked, self._tried_at = False, self.trials.count
        try:
            self._make()
        except (GraspDecoderError, OSError) as error:
            self.trouble = f'no bundle can be made: {error}'

    def _make(self) -> None:
        # A process that is being ended may still write there.
        self._scratch = tempfile.TemporaryDirectory(prefix='adapter_', ignore_cleanup_errors=True)
        session = Path(self._scratch.name, 'trials.neo.mat')
        write_session(self.trials.session(f'{self._first.name} live'), session, self._objects)
        self._offered = next(
            path for number in count(1) if not (path := self._folder / f'{self._first.name}-live-{number}').exists()
        )
        self._compared = self._running
        arguments = [str(self._first), '--session', str(session), '--out', str(self._offered)]
        arguments += ['--better-than', str(self._compared), '--trials-per-object', str(self._settings.most_trials)]
        for option, value in (('--objects', self._settings.objects), ('--sign-with', self._settings.sign_with)):
            arguments += [option, value] if value else []
        self._making = self._start(arguments, Path(self._scratch.name))
        self.activity, self._begun_s = Activity.MAKING, self._clock()

    def _give_up(self, making: Making) -> None:
        making.kill()  # another one begins only when it has ended
        self.activity = Activity.COLLECTING
        self.said = self.trouble = (
            f'no bundle was made in {self._settings.longest_min} min: adapt gets only the CPU time that nobody else '
            'wants, and this machine has too little of it'
        )

    def _made(self, status: int, words: str) -> str | None:
        self._clean_up()
        self.activity = Activity.COLLECTING
        refused = status == NEGATIVE and words.startswith(NOT_WRITTEN)
        self.refused += refused
        if status and not refused:
            self.trouble = f'adapt ended with status {status}: {words}'
        elif self._running is not None:
            self.trouble = ''
        self.said = self._verdict = words
        if status:
            return None
        if self._running != self._compared:
            self.said = f'{self._offered} was not taken: another bundle decodes meanwhile'
            return None
        try:
            self._known[load_bundle(self._offered).sha256] = self._offered
        except GraspDecoderError as error:
            self.said = self.trouble = f'the new bundle cannot be read: {error}'
            return None
        self.activity, self._offered_s = Activity.OFFERING, self._clock()
        return str(self._offered)

    def _has_ended(self) -> bool:
        """Whether the last process has ended, so that another one may begin; what it left is then removed."""
        if self._making is not None and self._making.poll() is None:
            return False
        self._clean_up()
        return True

    def _clean_up(self) -> None:
        if self._scratch is not None:
            self._scratch.cleanup()
            for left in self._folder.iterdir():  # the draft of a process that was killed
                if left.name.startswith(f'.{self._offered.name}.'):
                    shutil.rmtree(left, ignore_errors=True)
        self._making = self._scratch = None


def start_adapt(arguments: list[str], folder: Path) -> NodeProcess:
    """Start `adapt` so that it only gets the CPU time that nobody else wants, and keeps its files in ``folder``."""
    return NodeProcess('adapt', arguments, folder / 'adapt.log', {'XDG_CACHE_HOME': str(folder)}, idle=True)

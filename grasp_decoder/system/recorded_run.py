# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""RecordedRun: a finished run, as the page shows it at any moment."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from grasp_decoder.control.grip_table import GripTable
from grasp_decoder.control.outcome import TrialOutcome
from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.page.live_outcomes import LiveOutcomes, Outcomes
from grasp_decoder.page.seen_run import SeenRun
from grasp_decoder.recording.mcap_messages import recorded_messages
from grasp_decoder.system.interfaces import DECODED_GRASP, DECODER_INFO, HAND_COMMAND, HAND_STATE, TRIAL_EVENTS, Topic
from grasp_decoder.system.seen_messages import TAKERS
from grasp_decoder.types.from_message import hand_command_from, hand_state_from, trial_event_from
from grasp_decoder.types.time import NS_PER_S

LOOK_BACK_S = 15.0
"""A moment is shown from the messages of so long before it: the histories of 10 s, and the evidence of the trial."""


class _Message(NamedTuple):
    time_s: float  # since the first one
    topic: Topic
    content: Callable[[], Any]


class _Ended(NamedTuple):
    """How a trial ended, and since when that is known."""

    time_s: float
    outcome: TrialOutcome


class RecordedRun:
    """The messages of a finished run, shown by a `SeenRun` at the moment that is asked for.

    All of them are kept in memory: the messages of an hour are about a gigabyte.

    Args:
        path: an MCAP file of the node recorder.
        grips: which grip suits which object, and what people call the objects.

    Attributes:
        start_ns: when the run began, ns since 1970.
        duration_s: from the first message to the last.
        trials_s: when its trials begin, s after the start.

    Raises:
        GraspDecoderError: the file cannot be read, holds no run or several, or its messages have other fields.
    """

    def __init__(self, path: Path, grips: GripTable):
        self._grips = grips
        self._messages, self._namespace, self.start_ns = _messages(path)
        self.duration_s = self._messages[-1].time_s
        self._info = [index for index, each in enumerate(self._messages) if each.topic is DECODER_INFO]
        self._require_fields(path)
        self.trials_s, self._ended = self._trials()
        self._now_s = 0.0
        self._begin(0)

    def at(self, time_s: float) -> SeenRun:
        """The run as the page showed it so long after its start, s. What was known later is not in it.

        Raises:
            GraspDecoderError: a message of the file is not what its definition says.
        """
        if not self._now_s <= time_s <= self._now_s + LOOK_BACK_S:
            self._begin(bisect_left(self._messages, time_s - LOOK_BACK_S, key=_time_s))
        while self._next < len(self._messages) and self._messages[self._next].time_s <= time_s:
            each = self._messages[self._next]
            self._next += 1
            self._now_s = each.time_s
            TAKERS[each.topic](self._run, each.content())
        self._now_s = time_s
        while self._known < len(self._ended) and self._ended[self._known].time_s <= time_s:
            self._run.outcomes.add(self._ended[self._known].outcome)
            self._known += 1
        return self._run

    def _require_fields(self, path: Path) -> None:
        """Refuse messages that lack a field, as those of an older version do. All of a topic have the same fields."""
        for topic, each in {each.topic: each for each in reversed(self._messages)}.items():
            try:
                TAKERS[topic](SeenRun(self._grips), each.content())
            except AttributeError as error:
                raise GraspDecoderError(
                    f'{path}: the recording is of another version of this package: {topic.name}: {error}'
                ) from None

    def _begin(self, index: int) -> None:
        """Begin afresh with this message, and with the decoder that had announced itself before it."""
        self._run = SeenRun(self._grips, self._namespace, lambda: self._now_s, Outcomes())
        self._next, self._known = index, 0
        if announced := bisect_left(self._info, index):
            TAKERS[DECODER_INFO](self._run, self._messages[self._info[announced - 1]].content())

    def _trials(self) -> tuple[list[float], list[_Ended]]:
        """When each trial began, and how it ended."""
        live, trial = LiveOutcomes(self._grips), None
        starts_s: list[float] = []
        ended: list[_Ended] = []
        for each in self._messages:
            if each.topic is HAND_COMMAND:
                live.take_command(hand_command_from(each.content()))
                if live.scored > len(ended):
                    ended.append(_Ended(each.time_s, live.outcomes[-1]))
            elif each.topic is HAND_STATE:
                live.take_state(hand_state_from(each.content()))
            elif each.topic is TRIAL_EVENTS:
                event = trial_event_from(each.content())
                live.take_event(event)
                if event.trial_key != trial:
                    trial = event.trial_key
                    starts_s.append(each.time_s)
        return starts_s, ended


def _messages(path: Path) -> tuple[list[_Message], str, int]:
    """The messages of a file that the page shows, in order; the namespace of their system; when the first one came."""
    types = {topic.type for topic in TAKERS}
    found = list(recorded_messages(path, lambda _, type_name: type_name in types))
    decodes = {each.topic for each in found if each.type == DECODED_GRASP.type}
    if len(decodes) != 1:
        held = f'several runs ({", ".join(sorted(decodes))}): record each in a file of its own' if decodes else 'no run'
        raise GraspDecoderError(f'{path}: the recording holds {held}')
    namespace = decodes.pop().removesuffix(DECODED_GRASP.name).rstrip('/')
    shown = {topic.name if topic.name.startswith('/') else f'{namespace}/{topic.name}': topic for topic in TAKERS}
    start_ns = found[0].log_ns
    return (
        [
            _Message((each.log_ns - start_ns) / NS_PER_S, topic, each.content)
            for each in found
            if (topic := shown.get(each.topic)) and topic.type == each.type
        ],
        namespace.strip('/'),
        start_ns,
    )


def _time_s(message: _Message) -> float:
    return message.time_s

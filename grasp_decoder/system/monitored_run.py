# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""MonitoredRun: who takes part in a run, what they say, when it is over, and how it went."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from grasp_decoder.bundle.admission import listed_folders
from grasp_decoder.bundle.bundle import load_bundle
from grasp_decoder.bundle.engines.bundle_engines import EngineOptions
from grasp_decoder.control.grip_table import load_grip_table
from grasp_decoder.control.hand_watch import NO_HAND
from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.features.binning import Binner
from grasp_decoder.objects import load_objects
from grasp_decoder.recording.reading import read_session
from grasp_decoder.safe_file import write_json
from grasp_decoder.system.node_settings import MonitorSettings
from grasp_decoder.system.offline_decoder import OfflineDecoder
from grasp_decoder.system.replay_options import REAL
from grasp_decoder.system.run_record import RunRecord
from grasp_decoder.system.run_result import NOT_COMPARED, problem, run_result, with_note
from grasp_decoder.system.selection import select_trials
from grasp_decoder.system.trial_reports import TrialReports
from grasp_decoder.system.verification import count_wrong_bins, expected_bins
from grasp_decoder.types.decoded_grasp import DecodedGrasp
from grasp_decoder.types.decoder_info import DecoderInfo
from grasp_decoder.types.hand_command import HandCommand
from grasp_decoder.types.hand_state import HandState
from grasp_decoder.types.spike_batch import SpikeBatch
from grasp_decoder.types.time import NS_PER_S


@dataclass(frozen=True)
class Connections:
    """Who is connected to whom.

    Attributes:
        replayer_answers: whether the replayer can be told to go on.
        spike_subscribers: subscribers of /spikes.
        command_publishers: publishers of /hand/command.
        decode_subscribers: subscribers of /decoded_grasp.
    """

    replayer_answers: bool
    spike_subscribers: int
    command_publishers: int
    decode_subscribers: int


class MonitoredRun:
    """Takes what the nodes publish.

    Args:
        settings: which run it is.
        tell: gets one line about each trial.
        clock: CLOCK_MONOTONIC, s.

    Attributes:
        record: all that was taken, for the result.
        world_s: time of the simulated hand, s; 0 without one.

    Raises:
        GraspDecoderError: session, bundle, objects or grips cannot be read, or do not fit together.
    """

    def __init__(
        self,
        settings: MonitorSettings,
        tell: Callable[[str], object],
        clock: Callable[[], float] = time.monotonic,
    ):
        self._settings = settings
        self._tell = tell
        self._clock = clock
        objects = load_objects(settings.objects)
        self._session = read_session(settings.session, settings.mapping or None, objects)
        self._bundle = load_bundle(settings.bundle)
        manifest = self._bundle.manifest
        self._bundle.require_unit_count(self._session.unit_count, settings.session)
        objects.require_labels(manifest.classes, manifest.labels, f'bundle {settings.bundle}')
        self._trials = select_trials(self._session, manifest, settings.split, settings.trials, settings.only_correct)
        self._grips = load_grip_table(settings.grips, objects)
        self._paced = settings.speed > 0
        self._expected_bins = expected_bins(self._trials, manifest.bin_ns)
        self._reports = TrialReports(self._trials, manifest.merge, self._grips, self._paced)
        self._binner = Binner(manifest.bin_ns, manifest.unit_count)
        self._precision = ''
        self._heard_s = clock()
        self.world_s = self._heard_world_s = 0.0
        self._begun = 0.0, 0.0
        self.record = RunRecord()

    # --- before it

    def missing(self, connections: Connections) -> Iterator[str]:
        """Names of the nodes that are still waited for."""
        settings = self._settings
        if not connections.replayer_answers:
            yield 'spike_replayer'
        if not self._precision or connections.spike_subscribers < settings.listeners:
            yield 'decoder, hand_bridge and who looks on' if settings.listeners > 3 else 'decoder'
        if not connections.command_publishers or connections.decode_subscribers < 2:
            yield 'hand_bridge'
        if settings.hand != 'none' and not self.record.samples:
            yield f'the hand ({settings.hand})'
        if self.record.commands and self.record.commands[-1].reason.startswith(NO_HAND):
            yield 'hand_bridge, which does not hear the hand yet'

    def begin(self) -> None:
        """The replayer goes on from now."""
        self._begun = self._heard_s, self._heard_world_s = self._clock(), self.world_s

    # --- while it goes on

    def take_spikes(self, batch: SpikeBatch) -> None:
        self.record.bins.extend(self._binner.push(batch))

    def take_info(self, info: DecoderInfo) -> None:
        self._precision = info.backend.split(':')[-1]
        self.record.infos.append(info)

    def take_decode(self, decode: DecodedGrasp) -> None:
        self._heard_s, self._heard_world_s = self._clock(), self.world_s
        self.record.decodes.append(decode)
        self._reports.recent.decodes.append(decode)
        if decode.segment > self._reports.segment:
            self._report(decode.stamp_ns)

    def take_command(self, command: HandCommand) -> None:
        self.record.commands.append(command)
        self._reports.recent.commands.append(command)

    def take_state(self, state: HandState) -> None:
        # The joints are not scored. Over a long run they would fill the memory.
        state = replace(state, joint_name=(), joint_position=())
        self.world_s = state.monotonic_ns / NS_PER_S
        self.record.samples.append(state)
        self._reports.recent.samples.append(state)

    @property
    def complete(self) -> bool:
        """Whether every bin of the run was decoded."""
        return len(self.record.decodes) >= self._expected_bins

    @property
    def silent(self) -> bool:
        """Whether the decoder has said nothing for too long, in the time of the world where that is simulated."""
        if self._settings.clock == REAL:
            return self._clock() - self._heard_s > self._settings.silence_s
        return self.world_s - self._heard_world_s > self._settings.silence_s

    # --- after it

    @property
    def lost_batches(self) -> int:
        """Batches of spikes that did not arrive here; their bins count as wrong."""
        return self._binner.health.lost_batches

    def report_last_trials(self) -> None:
        """Tell of the trials that were not told of yet. Where the run ended early, they were not played."""
        if self.complete:
            self._report()

    def write_result(self, goes_on: Callable[[], bool] = lambda: True) -> str:
        """Score the run and write the result, and the record if it is wanted.

        Then compare every bin with the offline decoder, which takes as long as the decoding took, and write the result
        again with what came of it.

        Args:
            goes_on: false when the process is to end: then nothing is compared any more.

        Returns:
            What is wrong with the bins; '' for nothing.

        Raises:
            GraspDecoderError: a file cannot be written; the result is told instead.
        """
        scored = run_result(
            self.record,
            self._session,
            self._trials,
            self._bundle,
            self._grips,
            paced=self._paced,
            clock=self._settings.clock,
            real_time_factor=self._real_time_factor(),
        )
        scored['partial'] = not self.complete
        if self._settings.result:
            self._write(with_note(scored, NOT_COMPARED))
        if self._settings.record:
            self.record.save(Path(self._settings.record), [trial.id for trial in self._trials])
        scored['wrong_bins'] = self._wrong_bins(goes_on)
        if scored['wrong_bins'] is None:
            scored = with_note(scored, NOT_COMPARED)
        if self._settings.result:
            self._write(scored)
        else:
            self._tell(_text(scored))
        return problem(scored)

    def _wrong_bins(self, goes_on: Callable[[], bool]) -> int | None:
        if not goes_on():  # opening a decoder takes long on a busy machine
            return None
        folders = listed_folders(self._settings.bundle_folders)
        offline = OfflineDecoder(self._bundle, EngineOptions(self._precision, 'cpu'), self.record.infos, folders)
        return count_wrong_bins(self.record, self._session, self._trials, offline, goes_on)

    def _real_time_factor(self) -> float | None:
        """Seconds of the trials in one second; None at full speed."""
        if self._settings.clock == REAL:
            return self._settings.speed or None
        begun_s, begun_world_s = self._begun
        return (self._heard_world_s - begun_world_s) / (self._heard_s - begun_s)

    def _write(self, result: dict[str, Any]) -> None:
        try:
            write_json(self._settings.result, result)
        except GraspDecoderError:
            self._tell(_text(result))
            raise

    def _report(self, now_ns: float = float('inf')) -> None:
        for line in self._reports.lines(now_ns):
            self._tell(line)


def _text(result: dict[str, Any]) -> str:
    return json.dumps(result, indent=1, allow_nan=False)

"""run_monitor: listens to a whole run, lets the replayer go, scores the run and writes its result.

It prints one line per trial and ends when the last trial has been decoded.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from std_srvs.srv import Trigger

from grasp_decoder.bundle.bundle import load_bundle
from grasp_decoder.bundle.engines.bundle_engines import BundleEngines, EngineOptions
from grasp_decoder.control.grip_table import load_grip_table
from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.features.binning import Binner
from grasp_decoder.nodes.conversion import (
    decoded_grasp_from,
    decoder_info_from,
    hand_command_from,
    hand_state_from,
    spike_batch_from,
)
from grasp_decoder.nodes.parameters import declare
from grasp_decoder.nodes.receiver import Receiver
from grasp_decoder.nodes.spin import run_node
from grasp_decoder.nodes.topics import DEEP, client
from grasp_decoder.objects import load_objects
from grasp_decoder.recording.reading import read_session
from grasp_decoder.system.interfaces import DECODED_GRASP, DECODER_INFO, HAND_COMMAND, HAND_STATE, RESUME, SPIKES
from grasp_decoder.system.node_settings import MonitorSettings
from grasp_decoder.system.run_record import RunRecord
from grasp_decoder.system.run_result import run_result, score_run, trial_line
from grasp_decoder.system.selection import select_trials
from grasp_decoder.system.verification import expected_bins

NAP_S = 0.01
# Both ends of a new connection are ready a moment after it has been discovered.
SETTLING_S = 0.5


class RunMonitor(Node):
    """Collects a `RunRecord` from the topics."""

    def __init__(self):
        super().__init__('run_monitor')
        self._settings = settings = declare(self, MonitorSettings)
        objects = load_objects(settings.objects)
        self._session = read_session(settings.session, settings.mapping or None, objects)
        self._bundle = load_bundle(settings.bundle)
        manifest = self._bundle.manifest
        self._bundle.require_unit_count(self._session.unit_count, settings.session)
        objects.require_labels(manifest.classes, manifest.labels, f'bundle {settings.bundle}')
        self._trials = select_trials(
            self._session, self._bundle.manifest, settings.split, settings.trials, settings.only_correct
        )
        self._grips = load_grip_table(settings.grips, objects)
        self._record = RunRecord()
        self._recent = RunRecord()
        self._precision = ''
        self._told = 0
        self._heard_s = time.monotonic()
        self._binner = Binner(manifest.bin_ns, manifest.unit_count)
        # An executor takes one message of a topic at a time: that is too slow where no message may be missed.
        self._inputs = [
            (Receiver(self, topic, DEEP), handle)
            for topic, handle in (
                (SPIKES, self._on_spikes),
                (DECODER_INFO, self._on_info),
                (DECODED_GRASP, self._on_decode),
                (HAND_COMMAND, self._on_command),
                (HAND_STATE, self._on_state),
            )
        ]
        self._resume = client(self, RESUME)
        self._executor = SingleThreadedExecutor(context=self.context)
        self._executor.add_node(self)

    def run(self) -> None:
        """See the run through; Ctrl-C ends it early, with the result so far.

        Raises:
            GraspDecoderError: the other nodes are not ready in time, or the decoder never spoke.
        """
        try:
            self._wait_for_the_others()
            self._release_replayer()
            self._listen_to_the_end()
        finally:
            if self._record.decodes:
                self._finish()
        if not self._record.decodes:
            raise GraspDecoderError('run_monitor: the run ended without a decode: see the logs of the nodes')

    def _hear(self) -> None:
        """Take every message that is there, then leave the CPU to those who decode."""
        for receiver, handle in self._inputs:
            for message in receiver.receive(0):
                handle(message)
        time.sleep(NAP_S)

    # --- topics

    def _on_spikes(self, message) -> None:
        self._record.bins.extend(self._binner.push(spike_batch_from(message)))

    def _on_info(self, message) -> None:
        self._precision = decoder_info_from(message).backend.split(':')[-1]

    def _on_decode(self, message) -> None:
        decoded = decoded_grasp_from(message)
        self._heard_s = time.monotonic()
        self._keep('decodes', decoded)
        if decoded.segment > self._told:
            self._tell_trials(decoded.stamp_ns)

    def _on_command(self, message) -> None:
        self._keep('commands', hand_command_from(message))

    def _on_state(self, message) -> None:
        # The joints are not scored; over a long run they would fill the memory.
        self._keep('samples', replace(hand_state_from(message), joint_name=(), joint_position=()))

    def _keep(self, name, item) -> None:
        getattr(self._record, name).append(item)
        getattr(self._recent, name).append(item)

    def _tell_trials(self, now_ns: float = float('inf')) -> None:
        """Print the trials that are over: the hand has until the Cue of the next one."""
        while self._told < len(self._trials) and now_ns >= self._over_ns(self._told):
            self._tell_trial()

    def _over_ns(self, segment: int) -> float:
        if segment + 1 == len(self._trials):
            return float('inf')
        following = self._trials[segment + 1]
        return following.events.get('Cue', following.start_ns)

    def _tell_trial(self) -> None:
        number, of = self._told + 1, len(self._trials)
        label = self._grips.objects.find(self._trials[self._told].object_id).label
        if self._settings.speed:
            for outcome in score_run(
                self._recent, self._trials[: number + 1], self._bundle.manifest.merge, self._grips, first=self._told
            ):
                if outcome.segment == self._told:
                    print(trial_line(outcome, label, number, of), flush=True)
        else:
            print(f'trial {number:4}/{of}  {label:10}  decoded', flush=True)
        self._told = number
        if self._told < len(self._trials):
            self._recent.forget_before(self._trials[self._told].start_ns)

    # --- the run

    def _wait_for_the_others(self) -> None:
        deadline = time.monotonic() + self._settings.start_timeout_s
        while self.context.ok() and (missing := list(self._missing())):
            if time.monotonic() > deadline:
                raise GraspDecoderError(
                    f'run_monitor: still waiting for {", ".join(missing)} after '
                    f'{self._settings.start_timeout_s:g} s: see the logs of the nodes'
                )
            self._executor.spin_once(0.0)
            self._hear()
        self._listen(SETTLING_S)

    def _missing(self) -> Iterator[str]:
        if not self._resume.service_is_ready():
            yield 'spike_replayer'
        if not self._precision or self.count_subscribers(SPIKES.name) < self._settings.listeners:
            yield 'decoder, hand_bridge and recorder' if self._settings.listeners > 3 else 'decoder'
        if not self.count_publishers(HAND_COMMAND.name) or self.count_subscribers(DECODED_GRASP.name) < 2:
            yield 'hand_bridge'
        if self._settings.hand != 'none' and not self._record.samples:
            yield f'the hand ({self._settings.hand})'

    def _release_replayer(self) -> None:
        answer = self._resume.call_async(Trigger.Request())
        while self.context.ok() and not answer.done():
            self._executor.spin_once(0.0)
            self._hear()
        self._heard_s = time.monotonic()

    def _listen_to_the_end(self) -> None:
        expected = expected_bins(self._trials, self._bundle.manifest.bin_ns)
        while self.context.ok() and len(self._record.decodes) < expected:
            self._hear()
            if time.monotonic() - self._heard_s > self._settings.silence_s:
                return
        self._listen(self._settings.tail_s)
        self._tell_trials()

    def _listen(self, duration_s: float) -> None:
        until = time.monotonic() + duration_s
        while self.context.ok() and time.monotonic() < until:
            self._hear()

    def _finish(self) -> None:
        if self._binner.health.lost_batches:
            self.get_logger().warning(
                f'{self._binner.health.lost_batches} batches of {SPIKES.name} did not '
                'arrive here: their bins count as wrong'
            )
        result = run_result(
            self._record,
            self._session,
            self._trials,
            BundleEngines(self._bundle, EngineOptions(self._precision, 'cpu')),
            self._grips,
            paced=self._settings.speed > 0,
        )
        if self._settings.record:
            self._record.save(Path(self._settings.record), [trial.id for trial in self._trials])
        text = json.dumps(result, indent=1, allow_nan=False)
        if self._settings.result:
            Path(self._settings.result).write_text(text + '\n')
        else:
            print(text, flush=True)


def main(args=None) -> int:
    return run_node(RunMonitor, args)

# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Closed loop in simulated time: decoder, controller and simulated hand, on the trials that training held out.

The same parts as in the running system, without its processes: a busy machine makes it slower, not different.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from contextlib import closing

import matplotlib.pyplot as plt

from benchmark.results import print_table, write_results
from grasp_decoder.bundle.bundle import Bundle, load_bundle
from grasp_decoder.bundle.engines.bundle_engines import BundleEngines
from grasp_decoder.cli.command_line import exit_status
from grasp_decoder.cli.replay_arguments import add_replay_arguments, replay_options
from grasp_decoder.control.fault_policies import load_fault_policies
from grasp_decoder.control.faults import SourceClock
from grasp_decoder.control.grasp_state_machine import Seen
from grasp_decoder.control.grip_table import load_grip_table
from grasp_decoder.control.hand_commander import HandCommander
from grasp_decoder.control.hand_watch import FeedbackSettings
from grasp_decoder.control.held import LIFTED_M
from grasp_decoder.control.outcome import TrialOutcome, summarize
from grasp_decoder.control.settings import ControlSettings
from grasp_decoder.decoding.info import decoder_info
from grasp_decoder.decoding.streaming import StreamingDecoder
from grasp_decoder.hand.rig import GraspRig
from grasp_decoder.hand.simulator import open_simulator, simulator_names
from grasp_decoder.recording.playback import Playback
from grasp_decoder.recording.reading import read_session
from grasp_decoder.recording.session import Session, Trial
from grasp_decoder.system.run_record import RunRecord
from grasp_decoder.system.run_result import score_run
from grasp_decoder.system.selection import select_trials
from grasp_decoder.types.hand_state import HandState
from grasp_decoder.types.time import NS_PER_S

STEP_NS = 10_000_000


def main(argv=None) -> int:
    return exit_status(_grasp, argv)


def _grasp(argv) -> int:
    parser = argparse.ArgumentParser(prog='grasp', description=__doc__.split('\n')[0])
    add_replay_arguments(parser, ('session', 'bundle', 'split', 'trials', 'mapping'), split='test')
    parser.add_argument('--hand', default='mujoco', choices=simulator_names(), help='simulator (default: %(default)s)')
    options = replay_options(parser.parse_args(argv))
    session, bundle = read_session(options.session, options.mapping or None), load_bundle(options.bundle)
    bundle.require_unit_count(session.unit_count, options.session)
    trials = select_trials(session, bundle.manifest, options.split, options.trials)
    outcomes = closed_loop(session, bundle, trials, options.hand)
    result = summarize(outcomes)
    rates = ('success_rate', 'success_rate_right_grip', 'right_grip_rate', 'closed_rate', 'false_closings_per_minute')
    print_table(('', 'value'), [('trials', result['trials']), *((name, result[name]) for name in rates)])
    print_table(('failure', 'trials'), list(result['failures'].items()))
    chosen = {'session': session.name, 'bundle': bundle.id, 'split': options.split, 'hand': options.hand}
    write_results('grasp', {**chosen, **result}, _figure(result['objects']))
    return 0


def closed_loop(session: Session, bundle: Bundle, trials: Sequence[Trial], hand: str) -> list[TrialOutcome]:
    """Outcomes of the usable ones of ``trials`` with the simulator ``hand``, in order."""
    manifest, grips = bundle.manifest, load_grip_table()
    decoder = StreamingDecoder(BundleEngines(bundle))
    feedback = FeedbackSettings(feedback=True, contact=True)
    commander = HandCommander(ControlSettings(), feedback, grips, load_fault_policies())
    commander.new_decoder(decoder_info(decoder, 0))
    commands, samples = [], []
    now_ns, segment, end_ns = 0, -1, 0
    with closing(open_simulator(hand)) as simulator:
        rig = GraspRig(simulator, grips.objects)

        def obey(order):
            rig.set_mode(order.command.state)
            rig.command(dict(zip(commander.joint_names, order.angles)))

        for step in Playback(session, trials, STEP_NS):
            while now_ns + STEP_NS <= step.due_ns:
                now_ns += STEP_NS
                state = rig.advance(STEP_NS / NS_PER_S)
                stamp_ns = commands[-1].stamp_ns if commands else 0
                samples.append(HandState(stamp_ns, now_ns, state.lift_m, state.contact))
                seen = Seen(state.contact, state.lift_m >= LIFTED_M)
                commander.measured(simulator.joint_names, state.joint_position, now_ns, seen)
                clock = SourceClock(now_ns, segment, end_ns)
                obey(commander.tick(now_ns, lambda clock=clock: clock))
            end_ns = step.batch.end_ns
            if step.batch.segment != segment:
                segment = step.batch.segment
                rig.place(trials[segment].object_id)
            for decoded in decoder.push(step.batch):
                order = commander.decoded(decoded, step.due_ns)
                obey(order)
                commands.append(order.command)
    return score_run(RunRecord(commands=commands, samples=samples), trials, manifest.merge, grips)


def _figure(objects: dict):
    figure, axes = plt.subplots(figsize=(10, 3.5))
    scored = {name: own['success_rate'] for name, own in objects.items() if own['success_rate'] is not None}
    axes.bar(list(scored), list(scored.values()), color='0.3')
    axes.set(xlabel='object', ylabel='objects held', ylim=(0, 1), title='Success per object')
    axes.tick_params(axis='x', labelsize=7)
    return figure


if __name__ == '__main__':
    raise SystemExit(main())

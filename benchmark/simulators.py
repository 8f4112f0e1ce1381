# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""The same trials through the running system with every simulator: in how many does the grasp end alike?"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import replace
from pathlib import Path

import matplotlib.pyplot as plt

from benchmark.results import print_table, write_results
from grasp_decoder.cli.command_line import exit_status
from grasp_decoder.cli.replay_arguments import add_replay_arguments, replay_options
from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.hand.simulator import simulator_names
from grasp_decoder.system.replay_options import ReplayOptions
from grasp_decoder.system.run_nodes import NodeDied, run_nodes


def main(argv=None) -> int:
    return exit_status(_simulators, argv)


def _simulators(argv) -> int:
    parser = argparse.ArgumentParser(prog='simulators', description=__doc__)
    add_replay_arguments(parser, ('session', 'bundle', 'split', 'trials', 'mapping'), split='test', trials=21)
    options = replay_options(parser.parse_args(argv))
    results = {hand: _run(replace(options, hand=hand)) for hand in simulator_names()}
    compared = agreement({hand: result['outcomes'] for hand, result in results.items()})
    print_table(
        ('trial', 'object', *results),
        [(trial['trial'], trial['object_id'], *(trial[hand] for hand in results)) for trial in compared['trials']],
    )
    rates = ('success_rate', 'success_rate_right_grip', 'right_grip_rate', 'closed_rate')
    print_table(('', *results), [(name, *(result[name] for result in results.values())) for name in rates])
    print_table(('', 'value'), [('trials compared', len(compared['trials'])), ('agreement', compared['agreement'])])
    write_results(
        'simulators',
        {
            'session': options.session,
            'split': options.split,
            **compared,
            **{hand: {name: result[name] for name in rates} for hand, result in results.items()},
        },
        _figure(results),
    )
    return 0


def agreement(outcomes: dict[str, list[dict]]) -> dict:
    """Compare the outcomes of the same trials in several simulators.

    Args:
        outcomes: by simulator, the ``outcomes`` of its run; trials in the same order.

    Returns:
        ``trials``: by simulator, how each trial ended that was scored in all of them; ``agreement``: the part of these
        trials that ended with the object held in all or in none of the simulators.
    """
    trials = [
        {
            'trial': same[0]['trial'],
            'object_id': same[0]['object_id'],
            **{hand: own['failure'] or 'held' for hand, own in zip(outcomes, same)},
        }
        for same in zip(*outcomes.values(), strict=True)
        if all(own['success'] is not None for own in same)
    ]
    alike = sum(len({trial[hand] == 'held' for hand in outcomes}) == 1 for trial in trials)
    return {'agreement': alike / len(trials) if trials else None, 'trials': trials}


def _run(options: ReplayOptions) -> dict:
    print(f'--- {options.hand}', flush=True)
    with tempfile.TemporaryDirectory(prefix='simulators_') as folder:
        try:
            return run_nodes(options, Path(folder))
        except NodeDied as error:
            raise GraspDecoderError(str(error)) from error


def _figure(results: dict[str, dict]):
    figure, axes = plt.subplots(figsize=(4, 3.5))
    axes.bar(list(results), [result['success_rate'] or 0.0 for result in results.values()], color='0.3')
    axes.set(ylabel='objects held', ylim=(0, 1), title='Success per simulator')
    return figure


if __name__ == '__main__':
    raise SystemExit(main())

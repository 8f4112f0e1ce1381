# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""demo: let the held-out trials of a synthetic session close a simulated hand.

The bundle that decodes them comes with the code. Everything goes to the folder demo/: result.json, the report of the
training, a figure of one trial, pictures of the hand, and run.mcap, the whole run, which `view` shows again. Without a
display, a picture of that page is among them.
"""

from __future__ import annotations

import argparse
import os
import re
import shlex
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from grasp_decoder.cli.command_line import exit_status
from grasp_decoder.cli.page_picture import draw_page
from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.features.trial_bins import DEFAULT_BIN_NS
from grasp_decoder.page.library import find_browser, has_viser
from grasp_decoder.recording.reading import read_session
from grasp_decoder.system.checked_options import checked_options
from grasp_decoder.system.demo_files import demo_session, ready_bundle, trained_bundle
from grasp_decoder.system.node_settings import ViewerSettings
from grasp_decoder.system.processes import executable_path
from grasp_decoder.system.replay_options import ReplayOptions
from grasp_decoder.system.run_nodes import NodeDied, run_nodes
from grasp_decoder.system.run_result import summary
from grasp_decoder.system.trial_figure import draw_trial
from grasp_decoder.types.time import NS_PER_S

TRIALS = 20
FEWEST_TRIALS = 2  # the last one is not scored: no trial follows, before which the hand must have let go
ENOUGH_HELD = 0.9

RESULT, RECORD, RECORDING, TRIAL_PICTURE, REPORT = 'result.json', 'run.npz', 'run.mcap', 'trial.png', 'report'
HAND_PICTURE, HAND_FILM, PAGE_PICTURE = 'hand.png', 'hand.gif', 'page.png'


def main(argv=None) -> int:
    return exit_status(_demo, argv)


def _demo(argv) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        '--out', type=Path, default=Path('demo'), metavar='DIR', help='folder for the results (default: %(default)s)'
    )
    parser.add_argument(
        '--trials',
        type=int,
        default=TRIALS,
        metavar='N',
        help='how many trials to replay, 2 or more (default: %(default)s)',
    )
    parser.add_argument(
        '--train',
        action='store_true',
        help='first train a bundle on the session, once for each version of the code (default: decode with the ready '
        'one)',
    )
    parser.add_argument('--view', action='store_true', help='serve a page that shows the run in a browser meanwhile')
    arguments = parser.parse_args(argv)
    if arguments.trials < FEWEST_TRIALS:
        raise GraspDecoderError(
            f'--trials is {arguments.trials}: it must be {FEWEST_TRIALS} or more, as the last one is not scored'
        )
    executable_path('run_monitor')  # without ROS 2, say so before the training
    session = demo_session()
    bundle = _trained(session) if arguments.train else ready_bundle()
    return show(session, bundle, arguments.out.absolute(), arguments.trials, arguments.view)


def _trained(session: Path) -> Path:
    """The bundle that this version of the code trains on the session, trained now unless it was before."""
    bundle = trained_bundle()
    if not bundle.exists():
        # TensorFlow takes seconds to import: only where something is trained.
        from grasp_decoder.cli.demo_training import train_demo

        train_demo(session, bundle)
    return bundle


def show(session: Path, bundle: Path, out: Path, trials: int, view: bool = False) -> int:
    """Replay the held-out trials at 1x, and write what came of it to ``out``."""
    logs = out / 'logs'
    logs.mkdir(parents=True, exist_ok=True)
    # What an earlier demo left must not pass for this one's.
    for name in (RESULT, RECORD, RECORDING, TRIAL_PICTURE, HAND_PICTURE, HAND_FILM, PAGE_PICTURE):
        (out / name).unlink(missing_ok=True)
    shutil.rmtree(out / REPORT, ignore_errors=True)
    parameters = logs / 'demo.yaml'
    own = {'simulated_hand': {'picture': str(out / HAND_PICTURE)}, 'run_monitor': {'record': str(out / RECORD)}}
    parameters.write_text(yaml.safe_dump({node: {'ros__parameters': values} for node, values in own.items()}))
    options = checked_options(
        ReplayOptions(
            session=str(session),
            bundle=str(bundle),
            hand='mujoco',
            trials=trials,
            split='test',
            params_file=str(parameters),
            record=str(out / RECORDING),
            result=str(out / RESULT),
            view=view,
        )
    )
    print(f'replaying {trials} held-out trials at 1x: spikes -> decoder -> hand, each in its own process', flush=True)
    try:
        result = run_nodes(options, logs)
    except NodeDied as error:
        print(f'error: {error}', file=sys.stderr)
        return 1
    shutil.copytree(bundle / REPORT, out / REPORT)
    draw_trial(read_session(session), out / RECORD, out / TRIAL_PICTURE)
    without_page = '' if has_display() else page_missing(out)
    print()
    print(summary(result))
    print()
    for line in files_made(out):
        print(line)
    if without_page:
        print(without_page)
    print(verdict(result))
    print(how_to_see_it(out))
    return 0 if (result['success_rate'] or 0.0) >= ENOUGH_HELD else 1


def files_made(out: Path) -> Iterator[str]:
    """Lines that name the files in ``out``, and say why there is no picture of the hand if there is none."""
    names = (RESULT, f'{REPORT}/report.html', RECORDING, TRIAL_PICTURE, HAND_PICTURE, HAND_FILM, PAGE_PICTURE)
    yield f'in {out}: {", ".join(name for name in names if (out / name).is_file())}'
    if not (out / HAND_PICTURE).is_file():
        log = out / 'logs' / 'simulated_hand.log'
        reasons = re.findall('no pictures: .*', log.read_text(errors='replace'))
        yield f'no {HAND_PICTURE}: {reasons[-1] if reasons else f"no object was lifted, or drawing failed, see {log}"}'


def has_display() -> bool:
    """Whether a browser could open a window here."""
    return bool(os.environ.get('DISPLAY') or os.environ.get('WAYLAND_DISPLAY'))


def page_missing(out: Path) -> str:
    """Draw the page that `view` shows, if that can be done here; the line that says why not, else nothing."""
    if find_browser():
        print('taking a picture of the page', flush=True)
    try:
        draw_page(out / RECORDING, out / PAGE_PICTURE)
    except GraspDecoderError as error:
        return f'no {PAGE_PICTURE}: {error}'
    return ''


def how_to_see_it(out: Path) -> str:
    """The line that says where the run is seen again; on a machine without a display also how from another one."""
    first = '' if has_viser() else ' (which first installs the page, 15 MB)'
    page = ViewerSettings().port
    said = f'see it again, at any moment: ./run view {shlex.quote(str(out / RECORDING))}{first}, then open'
    said += f' http://localhost:{page} in a browser'
    if not has_display():
        said += f'; from another machine after ssh -L {page}:localhost:{page}'
        said += ''.join(
            f'. {what} is in {out / name}'
            for what, name in (('The page', PAGE_PICTURE), ('What the hand did', HAND_PICTURE))
            if (out / name).is_file()
        )
    return said


def verdict(result: dict[str, Any]) -> str:
    """What was held, whether that is enough, and whether the machine was too busy for it."""
    held, p99_ms = result['success_rate'] or 0.0, result['latency_ms']['p99']
    bin_ms = 1000 * DEFAULT_BIN_NS / NS_PER_S
    said = f'demo: {result["trials"]} trials, held {100 * held:.1f} % of {result["trials_scored"]}, p99 {p99_ms:.1f} ms'
    if held >= ENOUGH_HELD:
        return said
    said += f': too few, {100 * ENOUGH_HELD:.0f} % are expected'
    if p99_ms > bin_ms:
        said += (
            f'; the machine was too busy: decodes came later than a bin of {bin_ms:.0f} ms '
            f'(load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores), try again on a quieter one'
        )
    return said

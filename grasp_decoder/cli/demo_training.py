# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Trains the bundle of the demo, as ``demo --train`` does. Run as a program, it makes the ready bundle anew."""

from __future__ import annotations

import sys
from pathlib import Path

from grasp_decoder.cli.command_line import exit_status
from grasp_decoder.cli.console_progress import ConsoleProgress
from grasp_decoder.learning.experiment.run import run_experiment
from grasp_decoder.learning.experiment.settings import Settings
from grasp_decoder.learning.report.report import write_report
from grasp_decoder.system.demo_files import demo_session, ready_bundle


def train_demo(session: Path, bundle: Path) -> None:
    """Train on the demo's session.

    Args:
        session: the recording.
        bundle: the bundle's folder. Ctrl-C leaves none.
    """
    progress = ConsoleProgress()
    progress.say('training the bundle of the demo (a minute on a quiet machine; Ctrl-C keeps nothing)')
    settings = Settings(tasks=('phase', 'object'), all_or_nothing=True)
    try:
        run_experiment(session, bundle, settings, progress, write_report)
    finally:
        progress.close()


def _renew(_) -> None:
    train_demo(demo_session(), ready_bundle())


if __name__ == '__main__':
    sys.exit(exit_status(_renew))

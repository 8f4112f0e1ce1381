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

"""The launch file, run by launch itself: the nodes start, a replay is scored, and everything ends."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from grasp_decoder.recording.synthetic import synthesize
from grasp_decoder.recording.writing import write_session

from helpers.bundle_samples import make_manifest, make_network, make_trials

pytest.importorskip('mujoco')
pytest.importorskip('launch_ros', reason='launch and launch_ros are not installed; they come with ROS 2 itself')
pytest.importorskip('grasp_decoder.msg', reason='the messages are not built: ./run builds them')

pytestmark = pytest.mark.slow

TEST = Path(__file__).resolve().parents[1]
LAUNCH_FILE = TEST.parent / 'launch' / 'replay_decode.launch.py'


def test_a_replay_runs_under_launch_and_ends_by_itself(domain_id, tmp_path):
    from grasp_decoder.bundle.export.writing import write_bundle

    session, bundle, result = tmp_path / 'session.mat', tmp_path / 'bundle', tmp_path / 'result.json'
    write_session(synthesize(units=24, trials=2, objects=2)[0], session)
    trials = make_trials()
    write_bundle(bundle, [make_network(task) for task in ('phase', 'object')], trials, trials, make_manifest())
    run = subprocess.run(
        [
            sys.executable,
            TEST / 'helpers' / 'launch_file.py',
            LAUNCH_FILE,
            f'session:={session}',
            f'bundle:={bundle}',
            f'result:={result}',
            'hand:=mujoco',
        ],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert 'run_monitor has ended with status 0: the run ends' in run.stdout + run.stderr
    scored = json.loads(result.read_text())
    assert (scored['trials'], scored['wrong_bins']) == (2, 0)

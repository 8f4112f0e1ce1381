# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""listen, run as a user runs it, against a sender that speaks as Open Ephys does; Ctrl-C ends it."""

import contextlib
import os
import signal
import subprocess
import sys
import threading

import pytest

from grasp_decoder.child_process import prepare_child

pytest.importorskip('rclpy', reason='no ROS 2 in this environment')
pytest.importorskip('grasp_decoder.msg', reason='the messages are not built: ./run builds them')

from helpers.open_ephys_sender import BLOCK, OpenEphysSender

pytestmark = pytest.mark.slow


def test_one_command_listens_to_a_system_until_ctrl_c(domain_id, sample_bundle, tmp_path):
    (tmp_path / 'mine.yaml').write_text('spike_source: {ros__parameters: {delay_ms: 200.0}}')
    with contextlib.closing(OpenEphysSender()) as sender:
        sender.acquire(lambda: sender.spike('3', 1, sender.sample + BLOCK // 2))
        command = [sys.executable, '-m', 'grasp_decoder', 'listen', 'openephys', '--bundle', sample_bundle]
        command += ['--address', sender.address, '--params-file', tmp_path / 'mine.yaml']
        listening = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            preexec_fn=prepare_child,  # a job in the background of a shell ignores SIGINT, and so would this one
        )
        patience = threading.Timer(120, listening.kill)
        patience.start()
        lines = []
        awaited = {'spikes are sent', '[hand_bridge]'}
        for line in listening.stdout:
            lines.append(line)
            said = {each for each in awaited if each in line}
            awaited -= said
            if said and not awaited:
                os.kill(listening.pid, signal.SIGINT)
        patience.cancel()
        assert (listening.wait(), awaited) == (0, set()), ''.join(lines)


def test_a_map_that_is_missing_is_one_line(tmp_path):
    command = [sys.executable, '-m', 'grasp_decoder', 'listen', 'lsl', '--bundle', tmp_path, '--unit-map', 'none.csv']
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (2, 'error: unit_map: none.csv does not exist\n')

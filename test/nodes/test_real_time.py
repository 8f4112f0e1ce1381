# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""How the processes of nodes are scheduled, and that a system that does not allow it is only warned about."""

import os
from pathlib import Path

import pytest

pytest.importorskip('rclpy', reason='no ROS 2 in this environment')
pytest.importorskip('grasp_decoder.msg', reason='the messages are not built: ./run builds them')

pytestmark = pytest.mark.slow

PRIORITY = 7


def priorities(pid):
    """Real-time priorities of the threads of a process; 0 for an ordinary one."""
    threads = [int(task.name) for task in Path(f'/proc/{pid}/task').iterdir()]
    return [os.sched_getparam(thread).sched_priority for thread in threads]


def locked_kib(pid):
    status = Path(f'/proc/{pid}/status').read_text()
    return int(status.split('VmLck:')[1].split()[0])


@pytest.mark.parametrize('priority, beside', [(PRIORITY, PRIORITY - 1), (1, 0)])
def test_the_thread_beside_never_delays_the_thread_that_works_and_memory_stays(
    start_node, spin_until, priority, beside
):
    bridge = start_node('hand_bridge', '--ros-args', '-p', f'priority:={priority}')
    assert spin_until(lambda: 'SAFE: no decoder' in bridge.log_text())
    if 'no real-time priority' in bridge.log_text():
        pytest.skip('the system allows no real-time priority')
    assert os.sched_getparam(bridge.pid).sched_priority == priority
    assert spin_until(lambda: beside in priorities(bridge.pid))
    assert 'memory may be paged out' in bridge.log_text() or locked_kib(bridge.pid) > 0


def test_without_a_priority_nothing_is_changed(start_node, spin_until):
    bridge = start_node('hand_bridge')
    assert spin_until(lambda: 'SAFE: no decoder' in bridge.log_text())
    assert set(priorities(bridge.pid)) == {0}
    assert locked_kib(bridge.pid) == 0

# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""What the page takes from messages of others."""

from types import SimpleNamespace

import pytest

from grasp_decoder.control.grip_table import load_grip_table
from grasp_decoder.page.seen_run import SeenRun
from grasp_decoder.system.interfaces import DIAGNOSTICS
from grasp_decoder.system.seen_messages import TAKERS


@pytest.mark.parametrize('level', [b'\x03', b'\x07', 3, 255])
def test_a_status_whose_level_nobody_knows_is_stale(level):
    run = SeenRun(load_grip_table())
    status = SimpleNamespace(name='driver: motor', level=level, message='', values=[])
    TAKERS[DIAGNOSTICS](run, SimpleNamespace(status=[status]))
    assert run.statuses()['driver: motor'].level == 'stale'

# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""What others had a node do is kept, in whole lines, within bounds, and without harm to the node."""

import json
import os
from concurrent.futures import ThreadPoolExecutor

import pytest

from grasp_decoder.system import audit_log
from grasp_decoder.system.audit_log import AuditLog


@pytest.fixture(autouse=True)
def state(monkeypatch, tmp_path):
    monkeypatch.setenv('XDG_STATE_HOME', str(tmp_path))
    monkeypatch.setenv('ROS_DOMAIN_ID', '7')


def test_lines_of_all_nodes_and_of_earlier_ones_are_kept():
    for node in ('/left/decoder', '/hand_bridge', '/left/decoder'):
        log = AuditLog(node)
        log.add('exchange bundle', ['/someone'], 'done', bundle='a\n\ud800' + 'x' * 10_000)
        assert log.problem == ''
    lines = [json.loads(line) for line in log.path.read_text().splitlines()]
    assert [line['node'] for line in lines] == ['/left/decoder', '/hand_bridge', '/left/decoder']
    assert lines[0]['asked_by'] == ['/someone'] and lines[0]['domain'] == '7' and lines[0]['bundle'].startswith('a\n')
    assert max(map(len, log.path.read_bytes().splitlines())) < 1000
    assert log.path.stat().st_mode & 0o777 == 0o600


def test_a_log_that_is_full_makes_room_and_loses_no_line_of_several_writers(monkeypatch):
    monkeypatch.setattr(audit_log, 'MOST_BYTES', 20_000)
    logs = [AuditLog(f'/node_{number}') for number in range(4)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda number: logs[number % 4].add(str(number), [], 'done'), range(400)))
    files = sorted(logs[0].path.parent.glob('audit*.jsonl'))
    assert 1 < len(files) <= audit_log.KEPT_FILES
    kept = [json.loads(line) for file in files for line in file.read_text().splitlines()]
    assert sorted(int(line['what']) for line in kept) == list(range(400))
    for number in range(2000):
        logs[0].add(str(number), [], 'done')
    assert len(list(logs[0].path.parent.glob('audit*.jsonl'))) == audit_log.KEPT_FILES


def test_a_log_that_cannot_be_written_is_a_problem_and_no_error(tmp_path):
    log = AuditLog('/decoder')
    log.path.mkdir(parents=True)
    log.add('reset', [], 'done')
    assert log.problem == f'{log.path} cannot be written: Is a directory'
    log.path.rmdir()
    os.mkfifo(log.path)
    log.add('reset', [], 'done')
    assert 'cannot be written' in log.problem
    log.path.unlink()
    log.add('reset', [], 'done')
    assert log.problem == ''

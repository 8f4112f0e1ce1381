# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""doctor: a line for everything that a demo needs, and for what it does without."""

import shlex
import subprocess

import pytest

from grasp_decoder.cli import doctor
from grasp_decoder.system.shared_memory import left_behind


@pytest.fixture
def found(monkeypatch, tmp_path):
    """``found(subject)`` looks at it on this machine, with a cache of its own, and gives the finding."""
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'cache'))
    return lambda subject: getattr(doctor, f'_{subject.replace(" ", "_")}')()


def test_every_finding_is_a_line_and_problems_are_the_exit_status(found, monkeypatch, capsys):
    findings = list(doctor.examine())
    monkeypatch.setattr(doctor, 'examine', lambda: findings)
    problems = sum(finding.state == doctor.PROBLEM for finding in findings)
    assert doctor.main([]) == min(problems, 1)
    *lines, last = capsys.readouterr().out.splitlines()
    assert last.startswith(f'doctor: {problems} problem')
    assert {line.split()[0] for line in lines} <= {doctor.OK, doctor.NOTE, doctor.PROBLEM}


def test_pictures_that_cannot_be_drawn_are_a_note(found, monkeypatch):
    monkeypatch.setenv('MUJOCO_GL', 'nothing')
    finding = found('pictures')
    assert finding.state == doctor.NOTE and 'docs/hand.md' in finding.text


def test_a_cache_that_cannot_be_written_to_is_a_problem(found, monkeypatch):
    monkeypatch.setenv('XDG_CACHE_HOME', '/proc')
    finding = found('cache')
    assert finding.state == doctor.PROBLEM and '/proc/grasp_decoder' in finding.text


def test_a_demo_without_its_ready_bundle_is_a_note(found, monkeypatch, tmp_path):
    assert found('demo').state == doctor.OK
    monkeypatch.setattr(doctor, 'ready_bundle', lambda: tmp_path / 'none')
    assert found('demo').state == doctor.NOTE


def test_a_busy_machine_is_a_note(found, monkeypatch):
    monkeypatch.setattr('os.getloadavg', lambda: (1000.0, 0.0, 0.0))
    assert found('load').state == doctor.NOTE


def test_a_home_that_does_not_exist_has_the_room_above_it(found, monkeypatch, tmp_path):
    monkeypatch.setenv('HOME', str(tmp_path / 'none' / 'home'))
    assert f'free at {tmp_path};' in found('disk').text


@pytest.mark.slow
def test_shared_memory_of_a_killed_node_is_a_note_until_it_is_cleaned(found, start_node):
    before = left_behind()
    node = start_node('hand_bridge')
    node.kill()
    node.wait(10)
    left = set(left_behind()) - set(before)
    finding = found('shared memory')
    assert left and finding.state == doctor.NOTE
    remedy = finding.text.partition(': ')[2].removesuffix(' removes it')
    if remedy.endswith('shm clean'):
        subprocess.run(shlex.split(remedy), check=True)  # as a shell reads it: folders may have spaces
        assert left & set(left_behind()) == set()
    else:  # another test's node may run
        assert remedy == 'when no node runs, rm /dev/shm/*fastrtps*'

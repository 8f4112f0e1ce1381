# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""The hand in a real gzserver: physics, motion in time, and an installation that checks what it gets."""

import os
from contextlib import closing

import pytest

pytest.importorskip('zmq')
pytest.importorskip('google.protobuf')

from grasp_decoder.control.grip_table import load_grip_table
from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.hand.gazebo import install
from grasp_decoder.hand.gazebo.messages import PosesStamped
from grasp_decoder.hand.simulator import open_simulator

from helpers.grasps import grasp


@pytest.fixture
def simulator():
    """One of its own for each grasp: what was grasped before changes how the next one ends, by millimetres."""
    with closing(open_simulator('gazebo')) as simulator:
        yield simulator


@pytest.mark.gazebo
@pytest.mark.slow
@pytest.mark.parametrize('object_id', [13, 23, 33, 43, 53, 63, 73])  # the third size of each shape
def test_the_grip_of_the_table_lifts_and_holds_the_object(simulator, object_id):
    lift = grasp(simulator, object_id, load_grip_table().grip_of(object_id))
    assert lift.held.min() >= 0.05
    assert lift.released < 0.05


@pytest.mark.gazebo
@pytest.mark.slow
def test_a_grip_that_does_not_fit_lets_the_object_slip(simulator):
    assert grasp(simulator, 63, 'power').held.min() < 0.05


@pytest.mark.gazebo
@pytest.mark.slow
def test_the_same_grasp_in_another_gzserver_is_the_same_however_busy_the_machine_is():
    heights = []
    for _ in range(2):
        with closing(open_simulator('gazebo')) as simulator:  # 53: a cylinder that slips a little as it is lifted
            heights.append(grasp(simulator, 53, load_grip_table().grip_of(53)).held)
    assert heights[0] == pytest.approx(heights[1], abs=1e-4)


@pytest.mark.gazebo
@pytest.mark.slow
def test_gzserver_ends_with_its_simulator():
    simulator = open_simulator('gazebo')
    pid = simulator.server_pid
    simulator.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_the_lock_names_each_package_once_with_its_hash():
    packages = install.locked_packages()
    assert len({package.name for package in packages}) == len(packages) > 200
    assert all(len(package.sha256) == 64 for package in packages)


def test_a_package_that_is_not_the_locked_one_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv(install.MIRROR_VARIABLE, 'http://mirror.example/debian')
    (tmp_path / 'gazebo_11.deb').write_bytes(b'something else')
    with pytest.raises(GraspDecoderError, match='gazebo 11 from http://mirror.example/debian is not what'):
        install._verified_files(tmp_path, [install.LockedPackage('gazebo', '11', '0' * 64)])


@pytest.mark.parametrize(
    'source',
    [
        'deb http://mirror.example/debian bookworm main\n',
        'deb [signed-by=/some/key.gpg] https://mirror.example/debian/ bookworm main contrib\n',
        'Types: deb\nURIs: http://mirror.example/debian\nSuites: bookworm\n',
    ],
)
def test_the_mirror_is_the_one_of_this_machine(tmp_path, monkeypatch, source):
    monkeypatch.delenv(install.MIRROR_VARIABLE, raising=False)
    monkeypatch.setattr(install, 'APT_FOLDER', tmp_path)
    (tmp_path / 'sources.list').write_text('# deb http://commented.example/debian sid main\n' + source)
    assert install.debian_mirror().endswith('mirror.example/debian')


def test_where_there_is_none_debians_own_is_taken_unless_another_is_named(tmp_path, monkeypatch):
    monkeypatch.delenv(install.MIRROR_VARIABLE, raising=False)
    monkeypatch.setattr(install, 'APT_FOLDER', tmp_path)
    (tmp_path / 'sources.list').write_text('deb http://mirror.example/ubuntu noble main\n')
    assert install.debian_mirror() == install.DEBIANS_OWN
    monkeypatch.setenv(install.MIRROR_VARIABLE, 'http://near.example/debian')
    assert install.debian_mirror() == 'http://near.example/debian'


def test_messages_are_serialised_by_the_numbers_of_gazebo_and_what_is_not_described_is_skipped():
    message = PosesStamped(pose=[{'name': 'hand'}])
    message.time.sec, message.time.nsec = 1, 2
    serialised = b'\x0a\x04\x08\x01\x10\x02' + b'\x12\x06\x0a\x04hand'
    assert message.SerializeToString() == serialised
    assert PosesStamped.FromString(serialised + b'\x78\x05').pose[0].name == 'hand'

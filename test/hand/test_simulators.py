# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""What every simulator must do: these tests run for each one in the registry, a plugged in one included.

``./run test test/hand/test_simulators.py -k NAME`` runs them for one simulator.
"""

import subprocess
import sys
import textwrap
from contextlib import closing

import numpy as np
import pytest

from grasp_decoder.control.grip_table import load_grip_table
from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.hand.object_models import object_model
from grasp_decoder.hand.sdf import hand_joint_names
from grasp_decoder.hand.simulator import open_simulator, simulator_names
from grasp_decoder.objects import load_objects

from helpers.grasps import grasp

LIBRARIES = {'mujoco': ['mujoco'], 'gazebo': ['zmq', 'google.protobuf']}
MARKS = {'gazebo': [pytest.mark.gazebo, pytest.mark.slow]}
EVERY_SIMULATOR = [pytest.param(name, marks=MARKS.get(name, []), id=name) for name in simulator_names()]

every_simulator = pytest.mark.parametrize('simulator', EVERY_SIMULATOR, indirect=True)


@pytest.fixture(scope='module')
def simulator(request):
    for library in LIBRARIES.get(request.param, []):
        pytest.importorskip(library)
    with closing(open_simulator(request.param)) as simulator:
        simulator.name = request.param
        yield simulator


def joint(simulator, name):
    return simulator.state().joint_position[simulator.joint_names.index(name)]


@every_simulator
def test_a_new_simulator_has_the_joints_of_the_hand_open_over_an_empty_table(simulator):
    with closing(open_simulator(simulator.name)) as new:
        assert new.joint_names == hand_joint_names()
        state = new.state()
    assert state.joint_position == pytest.approx(np.zeros(len(hand_joint_names())), abs=0.01)
    assert (state.object_id, state.contact, state.lift_m) == (-1, False, 0.0)
    assert (state.object_pose == np.eye(4)).all()


@every_simulator
def test_objects_come_one_at_a_time_upright_and_at_rest(simulator):
    for object_id in (44, 23):
        thing = load_objects().find(object_id)
        simulator.set_object(thing)
        for _ in range(2):
            state = simulator.state()
            assert (state.object_id, state.contact) == (object_id, False)
            assert state.lift_m == pytest.approx(0.0, abs=0.001)
            assert state.object_pose[:3, 3] == pytest.approx(object_model(thing).position, abs=0.002)
            assert state.object_pose[:3, :3] == pytest.approx(np.eye(3), abs=0.01)
            simulator.advance(0.5)


@every_simulator
def test_a_joint_goes_to_its_target_and_the_others_keep_theirs(simulator):
    simulator.command({'ring_mcp': 0.4})
    simulator.command({'little_mcp': 0.2})
    simulator.advance(0.5)
    assert joint(simulator, 'ring_mcp') == pytest.approx(0.4, abs=0.05)
    assert joint(simulator, 'little_mcp') == pytest.approx(0.2, abs=0.05)
    simulator.command({'ring_mcp': 0.0, 'little_mcp': 0.0})
    simulator.advance(0.5)


@every_simulator
def test_time_passes_only_in_advance_and_parts_of_a_time_step_add_up(simulator):
    simulator.command({'ring_mcp': 0.0})
    simulator.advance(0.5)
    simulator.command({'ring_mcp': 0.4})
    before = simulator.state().joint_position
    assert (simulator.state().joint_position == before).all()
    for _ in range(500):
        simulator.advance(0.001)
    assert joint(simulator, 'ring_mcp') == pytest.approx(0.4, abs=0.05)
    simulator.command({'ring_mcp': 0.0})
    simulator.advance(0.5)


@every_simulator
def test_an_unknown_joint_is_refused_in_one_line_that_names_those_there_are(simulator):
    with pytest.raises(GraspDecoderError, match="^joint 'elbow' is not one of [^\n]* index_mcp[^\n]*$"):
        simulator.command({'elbow': 0.1})


@every_simulator
def test_the_hand_lifts_a_ball_keeps_it_and_puts_it_down(simulator):
    lift = grasp(simulator, 44, load_grip_table().grip_of(44))
    assert lift.held.min() >= 0.05
    assert lift.touched
    assert lift.released < 0.05


def test_an_unknown_simulator_is_refused_in_one_line_that_names_those_there_are():
    with pytest.raises(GraspDecoderError, match="^simulator 'webots' is not one of mujoco, gazebo[^\n]*$"):
        open_simulator('webots')


def test_the_registry_imports_no_simulator():
    program = """
        import sys
        from grasp_decoder.hand.simulator import simulator_names
        assert {'mujoco', 'gazebo'} <= set(simulator_names())
        assert not {'mujoco', 'zmq', 'google.protobuf', 'grasp_decoder.hand.gazebo'} & sys.modules.keys()
    """
    subprocess.run([sys.executable, '-c', textwrap.dedent(program)], check=True)


@pytest.fixture
def plugged_in(tmp_path, monkeypatch):
    """A package with two simulators, as pip would install it; the module of one of them is missing."""
    (tmp_path / 'plugged_simulator.py').write_text('class Simulator:\n def __init__(self, speed): self.speed = speed\n')
    info = tmp_path / 'plugged_simulator-1.0.dist-info'
    info.mkdir()
    (info / 'METADATA').write_text('Metadata-Version: 2.1\nName: plugged-simulator\nVersion: 1.0\n')
    (info / 'entry_points.txt').write_text(
        '[grasp_decoder.simulators]\n'
        'plugged = plugged_simulator:Simulator\n'
        'broken = plugged_simulator_that_is_missing:Simulator\n'
        'mujoco = plugged_simulator_that_is_missing:Simulator\n'
    )
    monkeypatch.syspath_prepend(tmp_path)
    yield
    sys.modules.pop('plugged_simulator', None)


def test_a_package_plugs_its_simulator_in_beside_those_built_in(plugged_in):
    assert simulator_names()[:2] == ('mujoco', 'gazebo')
    assert {'plugged', 'broken'} <= set(simulator_names())
    assert open_simulator('plugged', 3.0).speed == 3.0


def test_a_simulator_that_cannot_be_imported_is_one_line(plugged_in):
    with pytest.raises(GraspDecoderError, match="^simulator 'broken' [^\n]* No module named [^\n]*$"):
        open_simulator('broken')

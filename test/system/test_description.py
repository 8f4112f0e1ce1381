# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""The one description of the running system, and the launch file that uses it."""

import dataclasses
import importlib
from pathlib import Path

import pytest

from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.system.description import node_descriptions
from grasp_decoder.system.node_settings import NODE_SETTINGS
from grasp_decoder.system.replay_options import ReplayOptions
from grasp_decoder.types.setting import declarations

ROOT = Path(__file__).resolve().parents[2]
# target_guard runs beside a hand of its own, not in a run of ours.
NODES = sorted(
    path.stem
    for path in (ROOT / 'grasp_decoder' / 'nodes').glob('*.py')
    if 'def main(' in path.read_text() and path.stem != 'target_guard'
)


def options(**changed):
    return ReplayOptions(**{'session': 'session', 'bundle': 'bundle', 'hand': 'mujoco', **changed})


def executables(**arguments):
    return [node.executable for node in node_descriptions(options(**arguments))]


def parameters(executable, **arguments):
    return next(n.parameters for n in node_descriptions(options(**arguments)) if n.executable == executable)


def test_replay_starts_every_node_but_the_live_source():
    replay = [name for name in NODES if name not in ('spike_source', 'outlet', 'viewer', 'adapter')]
    assert sorted(executables(record='run.mcap')) == replay
    assert sorted(executables(record='run.npz')) == [name for name in replay if name != 'recorder']


def test_an_outlet_starts_when_it_has_something_to_send():
    assert 'outlet' not in executables()
    assert parameters('outlet', lsl_outlet=True) == {'lsl': True, 'zmq': ''}
    assert parameters('outlet', source='lsl', zmq_outlet='tcp://*:5570') == {'lsl': False, 'zmq': 'tcp://*:5570'}


def test_the_page_is_one_more_listener_that_is_waited_for():
    assert 'viewer' not in executables()
    assert parameters('viewer', view=True, objects='mine.yaml') == {'objects': 'mine.yaml'}
    for name, key in (('run_monitor', 'listeners'), ('spike_replayer', 'subscribers')):
        assert parameters(name, view=True)[key] == parameters(name)[key] + 1
        assert parameters(name, view=True, record='run.mcap')[key] == parameters(name)[key] + 2
        assert parameters(name, view=True, adapter=True)[key] == parameters(name)[key] + 2


def test_an_adapter_starts_when_it_is_asked_for_and_begins_with_the_bundle_of_the_run():
    assert 'adapter' not in executables()
    assert parameters('adapter', adapter=True, source='live') == {'bundle': 'bundle'}
    with pytest.raises(GraspDecoderError, match='give clock real'):
        options(adapter=True, clock='simulated')


def test_live_source_starts_neither_replayer_nor_monitor():
    assert sorted(executables(source='live')) == ['decoder', 'hand_bridge', 'simulated_hand']


@pytest.mark.parametrize('system', ['lsl', 'openephys', 'blackrock'])
def test_an_acquisition_system_is_started_last(system):
    assert executables(source=system) == ['simulated_hand', 'hand_bridge', 'decoder', 'spike_source']
    assert parameters('spike_source', source=system) == {'system': system, 'bundle': 'bundle'}
    given = {'address': 'lab:5556', 'events': '1=Go', 'unit_map': '/map.csv'}
    assert given.items() < parameters('spike_source', source=system, **given).items()


def test_no_hand_starts_no_simulator():
    assert 'simulated_hand' not in executables(hand='none')
    assert parameters('run_monitor', hand='none')['hand'] == 'none'


def test_a_simulated_clock_is_set_by_the_hand_alone_and_followed_by_all():
    chosen = {'clock': 'simulated', 'speed': 0.0, 'record': 'run.mcap'}
    assert all(parameters(name, **chosen)['use_sim_time'] for name in executables(**chosen))
    assert parameters('simulated_hand', **chosen)['speed'] == 0.0
    for name in ('spike_replayer', 'run_monitor', 'hand_bridge', 'simulated_hand'):
        assert parameters(name, **chosen)['clock'] == 'simulated'
    for name in ('spike_replayer', 'run_monitor'):
        assert parameters(name, **chosen)['speed'] == 1.0
    assert not any('use_sim_time' in parameters(name) for name in executables())


def test_replayer_and_monitor_choose_the_same_trials():
    for name in ('session', 'mapping', 'objects', 'bundle', 'split', 'trials', 'only_correct'):
        chosen = {'mapping': '/mine.yaml', 'objects': '/my.yaml', 'split': 'test', 'trials': 7, 'only_correct': True}
        assert parameters('spike_replayer', **chosen)[name] == parameters('run_monitor', **chosen)[name]


def test_whoever_knows_objects_gets_the_catalogue_unless_a_parameter_file_may_name_it():
    for name in ('run_monitor', 'hand_bridge', 'simulated_hand', 'spike_replayer'):
        assert parameters(name, objects='/my.yaml')['objects'] == '/my.yaml'
        assert 'objects' not in parameters(name)


@pytest.mark.parametrize('hand, reads', [('mujoco', 'contact'), ('gazebo', 'contact'), ('ros', 'feedback')])
def test_the_bridge_listens_to_a_simulated_hand(hand, reads):
    assert parameters('hand_bridge', hand=hand) == {reads: True}


def test_whether_another_hand_answers_is_left_to_the_users_parameter_file():
    assert not {'feedback', 'contact'} & set(parameters('hand_bridge', hand='none'))


def test_batches_are_longest_only_at_full_speed():
    assert parameters('spike_replayer', speed=0.0)['batch_ms'] == 40.0
    assert 'batch_ms' not in parameters('spike_replayer', speed=2.0)


def test_replayer_waits_for_the_monitor():
    assert parameters('spike_replayer')['start_paused'] is True


def test_users_parameters_come_after_the_package_s():
    for node in node_descriptions(options(params_file='/mine.yaml')):
        assert [Path(file).name for file in node.parameter_files] == [f'{node.executable}.yaml', 'mine.yaml']


@pytest.mark.parametrize('name', NODES)
def test_description_sets_declared_parameters_of_the_declared_types(name):
    declared = {each.name: each.default for settings in NODE_SETTINGS[name] for each in declarations(settings)}
    source = 'lsl' if name == 'spike_source' else 'replay'
    asked = {'record': 'run.mcap', 'lsl_outlet': True, 'view': True, 'adapter': True}
    for key, value in parameters(name, **asked, source=source).items():
        assert type(value) is type(declared[key]), key


def test_launch_file_starts_what_is_described(tmp_path):
    pytest.importorskip('launch_ros', reason='launch and launch_ros are not installed; they come with ROS 2 itself')
    from launch import LaunchContext

    specification = importlib.util.spec_from_file_location('replay', ROOT / 'launch' / 'replay_decode.launch.py')
    replay = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(replay)
    context = LaunchContext()
    declared = {each.name: each for each in replay.generate_launch_description().get_launch_arguments()}
    assert set(declared) == {field.name for field in dataclasses.fields(ReplayOptions)}
    for name, argument in declared.items():
        context.launch_configurations[name] = ''.join(part.perform(context) for part in argument.default_value)
    assert context.launch_configurations['hand'] == 'mujoco'
    context.launch_configurations.update(session=str(tmp_path), bundle=str(tmp_path), trials='5', hand='none')
    nodes = [action for action in replay.start(context) if type(action).__name__ == 'Node']
    assert [node.node_executable for node in nodes] == executables(hand='none')
    assert {node.node_package for node in nodes} == {'grasp_decoder'}

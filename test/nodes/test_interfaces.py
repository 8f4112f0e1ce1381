# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""The running nodes have the topics, services and parameters that are declared, and no others."""

from fnmatch import fnmatch

import pytest

from grasp_decoder.hand.sdf import hand_joint_names
from grasp_decoder.recording.synthetic import synthesize
from grasp_decoder.recording.writing import write_session
from grasp_decoder.system.access_policy import grants
from grasp_decoder.system.interfaces import NODES, interfaces_of
from grasp_decoder.system.node_settings import NODE_SETTINGS
from grasp_decoder.types.setting import declarations

pytest.importorskip('mujoco')
pytest.importorskip('rclpy', reason='no ROS 2 in this environment')
pytest.importorskip('grasp_decoder.msg', reason='the messages are not built: ./run builds them')

from rcl_interfaces.srv import ListParameters
from rclpy.qos import DurabilityPolicy, ReliabilityPolicy

from grasp_decoder.nodes.topics import interface_type

JOINT = hand_joint_names()[0]
GIVEN_BY_ROS = {'use_sim_time', 'start_type_description_service'}


@pytest.fixture(scope='module')
def parameters(sample_bundle, tmp_path_factory):
    """What each node must be given."""
    folder = tmp_path_factory.mktemp('run')
    write_session(synthesize(units=24, trials=2, objects=2)[0], folder / 'session.mat')
    session, bundle = f'session:={folder / "session.mat"}', f'bundle:={sample_bundle}'
    return {
        'spike_replayer': [session, 'start_paused:=true', 'subscribers:=0'],
        'spike_source': [bundle, 'system:=openephys'],
        'decoder': [bundle],
        'hand_bridge': [],
        'simulated_hand': [],
        'target_guard': [],
        'run_monitor': [session, bundle, 'listeners:=100', 'start_timeout_s:=600.0'],
        'recorder': [f'file:={folder / "run.mcap"}', 'overwrite:=true'],
        'adapter': [bundle],
        'outlet': ['zmq:=inproc://test'],
        'viewer': ['port:=8200'],
    }


def require_its_library(name):
    if name == 'viewer':
        pytest.importorskip('viser', reason='viser, which serves the page, is not installed')


CASES = [(name, chosen) for name, each in NODES.items() for chosen in (None, *each.with_parameter)]


@pytest.mark.slow
@pytest.mark.unhurried
@pytest.mark.parametrize('name, chosen', CASES)
def test_a_node_has_what_is_declared(start_node, node, spin_until, parameters, name, chosen):
    require_its_library(name)
    chosen = [chosen] if chosen else []
    declared = interfaces_of(name, chosen)
    for action in declared.calls:
        pytest.importorskip(f'{action.type.split("/")[0]}', reason='the package of an action is not installed')
    arguments = [word for each in (*parameters[name], *chosen) for word in ('-p', each)]
    process = start_node(name, '--ros-args', *arguments)

    def difference():
        """What is declared and not there, or there and not declared, by kind."""
        found = {
            'publishes': node.get_publisher_names_and_types_by_node(name, '/'),
            'subscribes': node.get_subscriber_names_and_types_by_node(name, '/'),
            'serves': node.get_service_names_and_types_by_node(name, '/'),
            'calls': node.get_client_names_and_types_by_node(name, '/'),
        }
        each = {kind: compared(getattr(declared, kind), entries, declared.calls) for kind, entries in found.items()}
        return {kind: found for kind, found in each.items() if any(found)}

    assert spin_until(lambda: not difference()), f'{difference()}\n{process.log_text()}'
    assert not undeclared_rights(node, name)
    for topic in declared.publishes:
        for qos in qos_of(node.get_publishers_info_by_topic(topic.of_joint(JOINT).name), name):
            assert qos.reliability == (ReliabilityPolicy.RELIABLE if topic.reliable else ReliabilityPolicy.BEST_EFFORT)
            assert (qos.durability == DurabilityPolicy.TRANSIENT_LOCAL) == topic.transient_local
            assert not topic.deadline_s or qos.deadline.nanoseconds == topic.deadline_s * 1e9
    for topic in declared.subscribes:
        wanted = [each.transient_local for each in declared.subscribes if each.name == topic.name]
        found = qos_of(node.get_subscriptions_info_by_topic(topic.name), name)
        assert sorted(qos.durability == DurabilityPolicy.TRANSIENT_LOCAL for qos in found) == sorted(wanted)


def undeclared_rights(node, name):
    """The DDS topics that the running node writes or reads and SROS2 would not let it."""
    grant = next(grant for grant in grants() if grant.enclave == f'/{name}')
    written = node.get_publisher_names_and_types_by_node(name, '/', no_demangle=True)
    read = node.get_subscriber_names_and_types_by_node(name, '/', no_demangle=True)
    assert written and read
    return [
        topic
        for rights, found in ((grant.writes, written), (grant.reads, read))
        for topic, _ in found
        if not any(fnmatch(topic, right) for right in rights)
    ]


def compared(declared, found, calls):
    """Declared interfaces that are not among those found, (name, types), and found ones that are not declared."""
    # An action is served by topics and services of its own, below its name.
    actions = [each for each in calls if '/action/' in each.type]
    found = [
        (name, kind)
        for name, kinds in found
        for kind in kinds
        if not any(name.startswith(f'{action.name}/_action/') for action in actions)
    ]

    def fit(interface, name, kind):
        return fnmatch(name, interface.name) and kind == interface.type

    missing = [each.name for each in declared if each not in actions and not any(fit(each, *one) for one in found)]
    return missing, [one for one in found if not any(fit(each, *one) for each in declared)]


def qos_of(endpoints, node_name):
    return [endpoint.qos_profile for endpoint in endpoints if endpoint.node_name == node_name]


@pytest.mark.slow
@pytest.mark.unhurried
@pytest.mark.parametrize('name', NODES)
def test_a_node_has_the_parameters_that_are_declared(start_node, call, parameters, name):
    require_its_library(name)
    start_node(name, '--ros-args', *(word for each in parameters[name] for word in ('-p', each)))
    declared = {each.name for settings in NODE_SETTINGS[name] for each in declarations(settings)}
    assert set(call(ListParameters, f'/{name}/list_parameters').result.names) - GIVEN_BY_ROS == declared


def test_every_declared_type_can_be_imported():
    for name, each in NODES.items():
        for interface in (*each.publishes, *each.subscribes, *each.serves, *each.calls):
            assert interface_type(interface.type).__name__ == interface.type.split('/')[-1], name


def test_every_topic_of_a_run_has_a_publisher_and_a_subscriber():
    published = {topic.name for name in NODES for topic in interfaces_of(name).publishes}
    subscribed = {topic.name for name in NODES for topic in interfaces_of(name).subscribes}
    assert subscribed - published == {'/hand/e_stop'}  # whose switch is not one of these nodes

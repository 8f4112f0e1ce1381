# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""The topics and services of the running system, and which node has which of them. Declared here and nowhere else.

Nodes make their publishers, subscriptions, services and clients from these declarations (`grasp_decoder.nodes.topics`).
Names are relative: ROS puts the namespace of the node before them. Only those that all systems share by the custom of
ROS are absolute: /diagnostics, /clock, /rosout, /parameter_events. `interfaces_of` gives all that a node has; a test
compares it with the running nodes.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace


@dataclass(frozen=True)
class Topic:
    """One topic.

    Attributes:
        name: relative, but for those of ROS itself; ``*`` stands for the name of a joint, ``~`` for that of the node.
        type: the message, as ``package/msg/Name``.
        depth: messages that a queue keeps, the latest ones.
        meaning: what it carries, for people.
        reliable: whether a message that is lost on the way is sent again.
        transient_local: whether a later subscriber still gets the latest messages.
        deadline_s: its publishers promise a message at least this often, s; 0: they promise nothing.
    """

    name: str
    type: str
    depth: int
    meaning: str
    reliable: bool = True
    transient_local: bool = False
    deadline_s: float = 0.0

    def of_joint(self, joint: str) -> Topic:
        """The topic of one joint, where the name has a ``*``."""
        return replace(self, name=self.name.replace('*', joint))


@dataclass(frozen=True)
class Service:
    """One service or action.

    Attributes:
        name: relative, or with ``~`` for the name of the node that answers it.
        type: as ``package/srv/Name`` or ``package/action/Name``.
        meaning: what it does, for people.
        node: the node that answers it; empty if any may.
    """

    name: str
    type: str
    meaning: str
    node: str = ''

    @property
    def called_name(self) -> str:
        """The name by which nodes of the same namespace call it."""
        return self.name.replace('~', self.node)


@dataclass(frozen=True)
class Interfaces:
    """What one node has.

    Attributes:
        publishes, subscribes: topics.
        serves: services that it answers.
        calls: services and actions that it calls.
        with_parameter: what it has in addition when a parameter has a value, such as ``clock:=true``.
        lifecycle: whether it is a lifecycle node.
    """

    publishes: tuple[Topic, ...] = ()
    subscribes: tuple[Topic, ...] = ()
    serves: tuple[Service, ...] = ()
    calls: tuple[Service, ...] = ()
    with_parameter: dict[str, Interfaces] = field(default_factory=dict)
    lifecycle: bool = False


SPIKES = Topic('spikes', 'grasp_decoder/msg/SpikeBatch', 1000, 'spikes in batches; empty ones are heartbeats')
TRIAL_EVENTS = Topic('trial_events', 'grasp_decoder/msg/TrialEvent', 1000, 'events of the recorded trials')
DECODER_INFO = Topic(
    'decoder_info', 'grasp_decoder/msg/DecoderInfo', 1, 'the bundle that decodes', transient_local=True
)
# One message per bin: at full speed, a second brings the messages of minutes.
DECODED_GRASP = Topic('decoded_grasp', 'grasp_decoder/msg/DecodedGrasp', 10_000, 'the decode of each bin')
HAND_COMMAND = Topic('hand/command', 'grasp_decoder/msg/HandCommand', 10_000, 'state, grip and aperture of the hand')
JOINT_TARGETS = Topic(
    'hand/joint_targets', 'sensor_msgs/msg/JointState', 100, 'where the joints are to be', deadline_s=0.1
)
GUARDED_TARGETS = replace(
    JOINT_TARGETS, name='hand/guarded_targets', meaning='joint targets, or the safe posture when they stop'
)
HAND_STATE = Topic('hand/state', 'grasp_decoder/msg/HandState', 1000, 'where hand and object are')
JOINT_STATES = Topic('joint_states', 'sensor_msgs/msg/JointState', 100, 'where the joints are')
# A best-effort, volatile subscription hears every publisher. A second one gets what was latched before.
E_STOP = Topic('hand/e_stop', 'std_msgs/msg/Bool', 10, 'true stops the hand until it is reset', reliable=False)
LATCHED_E_STOP = replace(E_STOP, reliable=True, transient_local=True)
# Apart from all other switches, so that the page cannot let go of one of them.
PAGE_E_STOP = Topic(
    'hand/e_stop/page', 'std_msgs/msg/Bool', 1, "as hand/e_stop, for the operator's page", transient_local=True
)
# Shared by all systems of a domain, as in all of ROS.
DIAGNOSTICS = Topic('/diagnostics', 'diagnostic_msgs/msg/DiagnosticArray', 100, 'health of the nodes, once a second')
CLOCK = Topic('/clock', 'rosgraph_msgs/msg/Clock', 10, 'the acquisition clock')
# Whoever comes late learns what time it is.
WORLD_CLOCK = replace(CLOCK, meaning='time of the simulated world', transient_local=True)

FORWARD_COMMANDS = Topic(
    'hand_controller/commands', 'std_msgs/msg/Float64MultiArray', 10, 'joint targets for forward_command_controller'
)
JOINT_TRAJECTORY = Topic(
    'hand_controller/joint_trajectory',
    'trajectory_msgs/msg/JointTrajectory',
    10,
    'joint targets for joint_trajectory_controller',
)
GAZEBO_TARGET = Topic('gazebo/*/target', 'std_msgs/msg/Float64', 10, 'target of one joint in Gazebo Sim')
GAZEBO_JOINT_STATES = Topic(
    'gazebo/joint_states', 'sensor_msgs/msg/JointState', 10, 'where the joints are in Gazebo Sim'
)
GAZEBO_OBJECT_POSE = Topic('gazebo/object_pose', 'geometry_msgs/msg/Pose', 10, 'where the object is in Gazebo Sim')

PAUSE = Service('~/pause', 'std_srvs/srv/Trigger', 'pause the replay; heartbeats go on', 'spike_replayer')
RESUME = Service('~/resume', 'std_srvs/srv/Trigger', 'go on with the replay', 'spike_replayer')
SEEK = Service('~/seek', 'grasp_decoder/srv/Seek', 'go on from a moment of a trial', 'spike_replayer')
LOAD_BUNDLE = Service('~/load_bundle', 'grasp_decoder/srv/LoadBundle', 'decode with another bundle', 'decoder')
ADAPT = Service('~/adapt', 'std_srvs/srv/Trigger', 'make a bundle of the trials so far', 'adapter')
ROLL_BACK = Service(
    '~/roll_back', 'std_srvs/srv/Trigger', 'decode with the bundle before, and stop adapting', 'adapter'
)
RESET = Service('hand/reset', 'std_srvs/srv/Trigger', 'release the e-stop', 'hand_bridge')
GRIPPER_COMMAND = Service(
    'gripper_controller/gripper_cmd', 'control_msgs/action/GripperCommand', 'move a parallel gripper'
)
PARALLEL_GRIPPER_COMMAND = replace(GRIPPER_COMMAND, type='control_msgs/action/ParallelGripperCommand')

# The topics of a run, in the order of the chain.
TOPICS = (
    SPIKES,
    TRIAL_EVENTS,
    DECODER_INFO,
    DECODED_GRASP,
    HAND_COMMAND,
    JOINT_TARGETS,
    HAND_STATE,
    JOINT_STATES,
    E_STOP,
    PAGE_E_STOP,
    DIAGNOSTICS,
)


def seen(topic: Topic) -> Topic:
    """The topic for one who only looks on: its publishers do not send again what was lost on the way to it."""
    return replace(topic, reliable=topic.transient_local)


NODES = {
    'spike_replayer': Interfaces(
        publishes=(SPIKES, TRIAL_EVENTS),
        serves=(PAUSE, RESUME, SEEK),
        with_parameter={
            'publish_clock:=true': Interfaces(publishes=(CLOCK,)),
            'clock:=simulated': Interfaces(subscribes=(WORLD_CLOCK,)),
            'speed:=0.0': Interfaces(subscribes=(DECODER_INFO, DECODED_GRASP)),
        },
    ),
    'spike_source': Interfaces(publishes=(SPIKES, TRIAL_EVENTS, DIAGNOSTICS)),
    'decoder': Interfaces(
        publishes=(DECODED_GRASP, DECODER_INFO, DIAGNOSTICS),
        subscribes=(SPIKES,),
        serves=(LOAD_BUNDLE,),
        lifecycle=True,
    ),
    'hand_bridge': Interfaces(
        publishes=(HAND_COMMAND, JOINT_TARGETS, DIAGNOSTICS),
        subscribes=(DECODED_GRASP, DECODER_INFO, SPIKES, E_STOP, LATCHED_E_STOP, PAGE_E_STOP, HAND_COMMAND),
        serves=(RESET,),
        with_parameter={
            'feedback:=true': Interfaces(subscribes=(JOINT_STATES,)),
            'contact:=true': Interfaces(subscribes=(HAND_STATE,)),
            'clock:=simulated': Interfaces(subscribes=(WORLD_CLOCK,)),
            'output:=forward_command': Interfaces(publishes=(FORWARD_COMMANDS,)),
            'output:=joint_trajectory': Interfaces(publishes=(JOINT_TRAJECTORY,)),
            'output:=gripper_command': Interfaces(calls=(GRIPPER_COMMAND,)),
            'output:=parallel_gripper_command': Interfaces(calls=(PARALLEL_GRIPPER_COMMAND,)),
        },
        lifecycle=True,
    ),
    'target_guard': Interfaces(
        publishes=(GUARDED_TARGETS, DIAGNOSTICS),
        subscribes=(JOINT_TARGETS,),
        with_parameter={
            'output:=forward_command': Interfaces(publishes=(FORWARD_COMMANDS,)),
            'output:=joint_trajectory': Interfaces(publishes=(JOINT_TRAJECTORY,)),
        },
    ),
    'simulated_hand': Interfaces(
        publishes=(HAND_STATE, JOINT_STATES, DIAGNOSTICS),
        subscribes=(JOINT_TARGETS, HAND_COMMAND, TRIAL_EVENTS),
        with_parameter={
            'clock:=simulated': Interfaces(publishes=(WORLD_CLOCK,)),
            'simulator:=ros': Interfaces(
                publishes=(GAZEBO_TARGET,), subscribes=(GAZEBO_JOINT_STATES, GAZEBO_OBJECT_POSE)
            ),
        },
        lifecycle=True,
    ),
    'run_monitor': Interfaces(
        subscribes=(SPIKES, DECODER_INFO, DECODED_GRASP, HAND_COMMAND, HAND_STATE),
        calls=(RESUME,),
    ),
    'recorder': Interfaces(publishes=(DIAGNOSTICS,), subscribes=TOPICS),
    'adapter': Interfaces(
        publishes=(DIAGNOSTICS,),
        subscribes=(SPIKES, TRIAL_EVENTS, DECODER_INFO),
        serves=(ADAPT, ROLL_BACK),
        calls=(LOAD_BUNDLE,),
    ),
    'outlet': Interfaces(publishes=(DIAGNOSTICS,), subscribes=(DECODED_GRASP, HAND_COMMAND)),
    'viewer': Interfaces(
        publishes=(PAGE_E_STOP, DIAGNOSTICS),
        subscribes=tuple(seen(topic) for topic in TOPICS if topic not in (E_STOP, PAGE_E_STOP)),
        calls=(RESET, PAUSE, RESUME, LOAD_BUNDLE),
    ),
}

EVERY_NODE = Interfaces(
    publishes=(
        Topic('/rosout', 'rcl_interfaces/msg/Log', 1000, 'log', transient_local=True),
        Topic('/parameter_events', 'rcl_interfaces/msg/ParameterEvent', 1000, 'changes of parameters'),
    ),
    serves=(
        Service('~/describe_parameters', 'rcl_interfaces/srv/DescribeParameters', 'describe parameters'),
        Service('~/get_parameter_types', 'rcl_interfaces/srv/GetParameterTypes', 'types of parameters'),
        Service('~/get_parameters', 'rcl_interfaces/srv/GetParameters', 'values of parameters'),
        Service('~/get_type_description', 'type_description_interfaces/srv/GetTypeDescription', 'describe messages'),
        Service('~/list_parameters', 'rcl_interfaces/srv/ListParameters', 'names of parameters'),
        Service('~/set_parameters', 'rcl_interfaces/srv/SetParameters', 'set parameters'),
        Service('~/set_parameters_atomically', 'rcl_interfaces/srv/SetParametersAtomically', 'set all or none'),
    ),
)
CHANGE_STATE = Service('~/change_state', 'lifecycle_msgs/srv/ChangeState', 'configure, activate, deactivate, clean up')
LIFECYCLE_NODE = Interfaces(
    publishes=(Topic('~/transition_event', 'lifecycle_msgs/msg/TransitionEvent', 10, 'changes of state'),),
    serves=(
        CHANGE_STATE,
        Service('~/get_state', 'lifecycle_msgs/srv/GetState', 'the state'),
        Service('~/get_available_states', 'lifecycle_msgs/srv/GetAvailableStates', 'all states'),
        Service('~/get_available_transitions', 'lifecycle_msgs/srv/GetAvailableTransitions', 'possible transitions'),
        Service('~/get_transition_graph', 'lifecycle_msgs/srv/GetAvailableTransitions', 'all transitions'),
    ),
)


def interfaces_of(node: str, parameters: Collection[str] = (), namespace: str = '') -> Interfaces:
    """All that ``node`` has, with what ROS gives to every node. All names are absolute.

    Args:
        node: its name.
        parameters: keys of `Interfaces.with_parameter` that it is started with.
        namespace: of the node, such as ``/left``; empty for none.
    """
    declared = NODES[node]
    parts = [declared, EVERY_NODE, *(declared.with_parameter[parameter] for parameter in parameters)]
    if declared.lifecycle:
        parts.append(LIFECYCLE_NODE)

    def absolute(name: str) -> str:
        return name if name.startswith('/') else f'{namespace}/{name.replace("~", node)}'

    def topics(what: str) -> tuple[Topic, ...]:
        return tuple(replace(each, name=absolute(each.name)) for part in parts for each in getattr(part, what))

    def services(what: str) -> tuple[Service, ...]:
        found = [replace(each, node=each.node or node) for part in parts for each in getattr(part, what)]
        return tuple(replace(each, name=absolute(each.called_name)) for each in found)

    return Interfaces(
        topics('publishes'),
        topics('subscribes'),
        services('serves'),
        services('calls'),
    )

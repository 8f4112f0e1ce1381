# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""The settings of every node; the nodes declare them as ROS parameters, and ``config/NODE.yaml`` is made from them."""

from __future__ import annotations

from dataclasses import dataclass

from grasp_decoder.control.hand_watch import FeedbackSettings
from grasp_decoder.control.settings import ControlSettings
from grasp_decoder.control.target_guard import TARGET_TIMEOUT_S
from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.hand.simulator import simulator_names
from grasp_decoder.sources.spike_system import SystemSettings
from grasp_decoder.system.replay_options import (
    HANDS,
    REAL,
    SIMULATED,
    ObjectSettings,
    ReplayedTrials,
    clock_setting,
    speed_setting,
)
from grasp_decoder.types.setting import Settings, setting


@dataclass(frozen=True)
class LifeSettings(Settings):
    """How a lifecycle node starts."""

    autostart: bool = setting(True, 'configure and activate without a lifecycle manager')


@dataclass(frozen=True)
class RealTimeSettings(Settings):
    """How a node's process is scheduled."""

    priority: int = setting(0, 'real-time priority (SCHED_FIFO) if the system allows it; 0: none', low=0, high=99)
    cpu: int = setting(-1, 'CPU to run on; -1: any', low=-1, high=1023)


@dataclass(frozen=True)
class ReplayerSettings(ReplayedTrials):
    """Settings of spike_replayer."""

    speed: float = speed_setting(dynamic=True)
    batch_ms: float = setting(10.0, 'length of a batch', unit='ms', low=1.0, high=40.0)
    loop: bool = setting(False, 'begin again after the last trial, on a clock that goes on')
    start_paused: bool = setting(False, 'send heartbeats only, until ~/resume is called')
    subscribers: int = setting(1, 'subscribers of /spikes to wait for before the first message', low=0, high=100)
    publish_clock: bool = setting(False, 'publish the acquisition clock on /clock')

    def __post_init__(self):
        super().__post_init__()
        if not self.session:
            raise GraspDecoderError('parameter session is empty: give the recording to replay')
        if self.clock == SIMULATED and (self.publish_clock or not self.speed):
            raise GraspDecoderError('with clock simulated a replay needs a speed above 0, and publish_clock false')


@dataclass(frozen=True)
class SourceSettings(SystemSettings):
    """Settings of spike_source."""

    system: str = setting('', 'acquisition system: lsl, openephys, blackrock or the name of a plug-in')
    bundle: str = setting('', 'bundle that decodes: its units must be those of the system')
    batch_ms: float = setting(10.0, 'length of a batch', unit='ms', low=1.0, high=40.0)
    delay_ms: float = setting(
        4.0,
        'from the end of a batch until it is sent: what the system takes to deliver',
        unit='ms',
        low=0.0,
        high=500.0,
    )
    silence_s: float = setting(
        1.0, 'without any sign of the system for so long, no more batches come; 0: never', unit='s', low=0.0, high=60.0
    )


@dataclass(frozen=True)
class DecoderSettings(Settings):
    """Settings of decoder."""

    bundle: str = setting('', 'folder of the bundle to decode with')
    precision: str = setting('int8', 'models of the bundle to run', choices=('int8', 'float'))
    backend: str = setting(
        'auto',
        'auto, cpu, edgetpu or the name of a plug-in; auto takes an Edge TPU that answers',
    )
    device: str = setting('', 'Edge TPU to use (usb, pci, :N, usb:N, pci:N); empty: the first')
    threads: int = setting(1, "threads of the CPU's interpreter", low=1, high=16)
    reorder_depth: int = setting(
        2, 'batches that may overtake a missing one before it counts as lost', low=0, high=64, dynamic=True
    )
    rehearse: bool = setting(
        True, 'decode a made-up bin just before a real one is due, so that the real one is decoded faster', dynamic=True
    )
    track_drift: bool = setting(False, 'follow a slow drift of the input and correct for it', dynamic=True)


@dataclass(frozen=True)
class AdmissionSettings(Settings):
    """Which bundles decoder takes."""

    trusted_keys: str = setting(
        '', 'file of public keys: only bundles signed with one of them decode; empty: any bundle'
    )
    bundle_folders: str = setting(
        '',
        'folders in which bundles must lie, with : between them; empty: the first one may lie anywhere, and those that '
        'replace it must lie beside it',
    )


@dataclass(frozen=True)
class BridgeSettings(ObjectSettings):
    """Settings of hand_bridge beside those of the controller and of the output."""

    grips: str = setting('', 'grip table; empty: config/grips.yaml of this package')
    faults: str = setting('', 'what the hand does in each kind of fault; empty: config/faults.yaml of this package')
    target_rate_hz: float = setting(50.0, 'joint targets that are sent in a second', unit='Hz', low=1.0, high=1000.0)
    clock: str = clock_setting()
    target_timeout_s: float = setting(
        TARGET_TIMEOUT_S,
        'time-out of the hand: when this node itself stood still for almost so long, the hand goes to its safe state',
        unit='s',
        low=0.02,
        high=10.0,
    )
    e_stop_heartbeat_s: float = setting(
        0.0,
        'longest time without a message on hand/e_stop, pressed or not; 0: it may be absent',
        unit='s',
        low=0.0,
        high=60.0,
    )


CONTROLLERS = ('none', 'forward_command', 'joint_trajectory')


@dataclass(frozen=True)
class ControllerSettings(Settings):
    """Which controller of a robot gets the joint targets."""

    output: str = setting('none', 'what is sent to a robot in addition to joint targets', choices=CONTROLLERS)
    output_name: str = setting('', 'topic or action of the output; empty: the usual name for that controller')
    trajectory_s: float = setting(
        0.05, 'time that a trajectory gives the hand to reach its point', unit='s', low=0.001, high=1.0
    )


@dataclass(frozen=True)
class OutputSettings(ControllerSettings):
    """What hand_bridge sends to a robot's own controller."""

    output: str = setting(
        'none',
        'what is sent to a robot in addition to /hand/joint_targets',
        choices=(*CONTROLLERS, 'gripper_command', 'parallel_gripper_command'),
    )
    gripper_joint: str = setting('gripper', 'joint of a parallel gripper')
    gripper_open: float = setting(0.08, 'position of the open gripper', unit='m or rad', low=-10.0, high=10.0)
    gripper_closed: float = setting(0.0, 'position of the closed gripper', unit='m or rad', low=-10.0, high=10.0)
    gripper_max_effort: float = setting(
        10.0, 'effort that the gripper may use', unit='N or N m', low=0.0, high=10_000.0
    )


@dataclass(frozen=True)
class GuardSettings(Settings):
    """Settings of target_guard beside those of the controller behind it."""

    grips: str = setting('', 'grip table; empty: config/grips.yaml of this package')
    target_timeout_s: float = setting(
        TARGET_TIMEOUT_S, 'silence of the joint targets after which the guard takes over', unit='s', low=0.02, high=10.0
    )
    on_loss: str = setting('open', 'what the hand then does', choices=('open', 'hold'))
    rate_hz: float = setting(
        50.0, 'joint targets that are sent in a second while none come', unit='Hz', low=1.0, high=1000.0
    )


@dataclass(frozen=True)
class SimulatedHandSettings(ObjectSettings):
    """Settings of simulated_hand."""

    simulator: str = setting('mujoco', 'simulator of the hand', choices=(*simulator_names(), 'ros'))
    speed: float = setting(
        1.0,
        'seconds of simulation in one second; with a simulated clock at most so many, and 0 for as many as possible',
        low=0.0,
        high=1000.0,
    )
    clock: str = clock_setting()
    picture: str = setting(
        '', 'PNG file for a picture of the first grasp that lifts; a film goes beside it as .gif; empty: none'
    )
    viewer: bool = setting(False, 'show the hand in a window, if there is a display')
    target_timeout_s: float = setting(
        TARGET_TIMEOUT_S,
        'silence of the joint targets after which the hand opens by itself',
        unit='s',
        low=0.02,
        high=10.0,
    )

    def __post_init__(self):
        super().__post_init__()
        if self.speed < 0.1 and (self.speed or self.clock == REAL):
            raise GraspDecoderError(f'speed {self.speed:g} is too low: give at least 0.1, or 0 with a simulated clock')
        if self.clock == SIMULATED and self.simulator == 'ros':
            raise GraspDecoderError('a simulator behind ROS topics has its own time: give clock real')


@dataclass(frozen=True)
class MonitorSettings(ReplayedTrials):
    """Settings of run_monitor."""

    hand: str = setting('none', 'simulator of the hand', choices=HANDS)
    grips: str = setting('', 'grip table that says which grip is right; empty: config/grips.yaml')
    listeners: int = setting(3, 'subscribers of /spikes to wait for, this node among them', low=1, high=100)
    result: str = setting('', 'JSON file for the result; empty: only printed')
    record: str = setting('', '.npz file for every decode, command and hand state; empty: none')
    bundle_folders: str = setting(
        '', 'folders beside that of bundle in which bundles lie that take over, with : between them; to compare bins'
    )
    start_timeout_s: float = setting(
        60.0, 'time that the other nodes may take to be ready', unit='s', low=1.0, high=600.0
    )
    silence_s: float = setting(
        10.0, 'silence of the decoder after which the run is over', unit='s', low=1.0, high=600.0
    )
    tail_s: float = setting(1.0, 'time to listen to the hand after the last decode', unit='s', low=0.0, high=60.0)

    def __post_init__(self):
        super().__post_init__()
        for name in ('session', 'bundle'):
            if not getattr(self, name):
                raise GraspDecoderError(f'parameter {name} is empty: give that of the run')


@dataclass(frozen=True)
class RecorderSettings(Settings):
    """Settings of recorder."""

    file: str = setting('', 'MCAP file to write')
    overwrite: bool = setting(False, 'replace a file that exists')

    def __post_init__(self):
        super().__post_init__()
        if not self.file:
            raise GraspDecoderError('parameter file is empty: give the .mcap file to write')


@dataclass(frozen=True)
class AdapterSettings(ObjectSettings):
    """Settings of adapter."""

    bundle: str = setting('', 'bundle that decodes at first; all others are made from it')
    folder: str = setting('', 'folder for new bundles; empty: that in which the bundle lies')
    sign_with: str = setting('', 'secret key to sign new bundles with; empty: they are not signed')
    new_trials: int = setting(
        40,
        'usable trials after which a bundle is made, and then the next one; 0: only when ~/adapt is called',
        low=0,
        high=100_000,
    )
    most_trials: int = setting(400, 'newest trials that a bundle is made from', low=32, high=100_000)
    longest_min: int = setting(
        20,
        'time that a bundle may take: adapt gets only the CPU time that nobody else wants',
        unit='min',
        low=1,
        high=1440,
    )

    def __post_init__(self):
        super().__post_init__()
        if not self.bundle:
            raise GraspDecoderError('parameter bundle is empty: give the bundle that decodes')


@dataclass(frozen=True)
class OutletSettings(Settings):
    """Settings of outlet."""

    lsl: bool = setting(False, 'send streams of the Lab Streaming Layer')
    zmq: str = setting(
        '', 'ZeroMQ address at which JSON lines are published, such as tcp://127.0.0.1:5570; empty: none'
    )

    def __post_init__(self):
        super().__post_init__()
        if not (self.lsl or self.zmq):
            raise GraspDecoderError('nothing is to be sent: give lsl:=true or zmq:=tcp://127.0.0.1:5570')


@dataclass(frozen=True)
class ViewerSettings(ObjectSettings):
    """Settings of viewer."""

    address: str = setting('127.0.0.1', 'address that the page is served at; 0.0.0.0: to the whole network')
    port: int = setting(8080, 'port of the page; when it is taken, the next one', low=1, high=65000)
    read_only: bool = setting(False, 'serve a page without controls')
    grips: str = setting('', 'grip table that says which grip is right; empty: config/grips.yaml')


READ_ONLY_SETTINGS = AdmissionSettings, LifeSettings, RealTimeSettings
"""Other settings of a lifecycle node can be set while it is not configured."""

NODE_SETTINGS: dict[str, tuple[type[Settings], ...]] = {
    'spike_replayer': (ReplayerSettings, RealTimeSettings),
    'spike_source': (SourceSettings, RealTimeSettings),
    'decoder': (DecoderSettings, AdmissionSettings, LifeSettings, RealTimeSettings),
    'hand_bridge': (BridgeSettings, ControlSettings, FeedbackSettings, OutputSettings, LifeSettings, RealTimeSettings),
    'target_guard': (GuardSettings, ControllerSettings, RealTimeSettings),
    'simulated_hand': (SimulatedHandSettings, LifeSettings, RealTimeSettings),
    'run_monitor': (MonitorSettings,),
    'recorder': (RecorderSettings,),
    'adapter': (AdapterSettings,),
    'outlet': (OutletSettings,),
    'viewer': (ViewerSettings,),
}

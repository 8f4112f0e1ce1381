# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""A gzserver process of our own: what world it loads, on which port it listens, how it ends."""

from __future__ import annotations

import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
from pathlib import Path

from grasp_decoder.child_process import prepare_child
from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.hand.gazebo.install import gazebo_environment
from grasp_decoder.hand.sdf import HAND_SDF

WORLD_NAME = 'default'
TIMESTEP_S = 0.002
_CATCH_UP = 2.0  # a simulation that is late may run this many times as fast as is asked for
_FASTEST = 10.0  # where nothing is asked for; without a limit the paused world would keep a CPU busy

_WORLD = """<?xml version="1.0"?>
<sdf version="1.6">
  <world name="{name}">
    <gravity>0 0 -9.81</gravity>
    <physics name="default_physics" type="dart">
      <max_step_size>{timestep:g}</max_step_size>
      <real_time_factor>{speed:g}</real_time_factor>
      <real_time_update_rate>{update_rate:g}</real_time_update_rate>
      <dart><collision_detector>bullet</collision_detector></dart>
    </physics>
    <light name="sun" type="directional">
      <pose>0 0 10 0 0 0</pose>
      <diffuse>0.9 0.9 0.9 1</diffuse>
      <direction>-0.4 0.3 -0.9</direction>
    </light>
    <model name="table">
      <static>true</static>
      <link name="top">
        <collision name="top">
          <geometry><plane><normal>0 0 1</normal><size>3 3</size></plane></geometry>
          <surface><friction><ode><mu>1</mu><mu2>1</mu2></ode></friction></surface>
        </collision>
        <visual name="top">
          <geometry><plane><normal>0 0 1</normal><size>3 3</size></plane></geometry>
        </visual>
      </link>
    </model>
{hand}
  </world>
</sdf>
"""


def world_sdf(speed: float) -> str:
    """Return the world that gzserver loads: a table top and the hand, ``speed`` seconds in one second.

    Speed 0 is as many as it can.

    DART solves all contacts together, as MuJoCo does. ODE, Gazebo's default, solves them one after the other in
    iterations, and then posts and plates slip.
    """
    text = HAND_SDF.read_text(encoding='utf-8')
    hand = text[text.index('  <model name="hand">') : text.index('</sdf>')]
    speed = _CATCH_UP * (speed or _FASTEST)
    return _WORLD.format(name=WORLD_NAME, timestep=TIMESTEP_S, speed=speed, update_rate=speed / TIMESTEP_S, hand=hand)


class GazeboServer:
    """A gzserver process.

    Attributes:
        port: TCP port of its master.
        partition: Ignition partition, which no other gzserver has.
        log: file with what it printed, until `close`.
    """

    def __init__(self, speed: float = 1.0):
        """Start gzserver; it is ready when its master takes connections. Raises `GraspDecoderError` without Gazebo."""
        self.port = _free_port()
        self.partition = f'grasp_decoder_{secrets.token_hex(8)}'
        self._folder = Path(tempfile.mkdtemp(prefix='grasp_decoder_gazebo_'))
        world = self._folder / 'hand.world'
        world.write_text(world_sdf(speed), encoding='utf-8')
        environment = gazebo_environment() | {
            'GAZEBO_MASTER_URI': f'http://127.0.0.1:{self.port}',
            'IGN_PARTITION': self.partition,
            # What gzserver's libraries write, even for sound that it never makes, is deleted with the folder.
            'HOME': str(self._folder),
            'TMPDIR': str(self._folder),
        }
        self.log = self._folder / 'gzserver.log'
        with open(self.log, 'wb') as log:
            self._process = subprocess.Popen(
                ['gzserver', '--verbose', '-u', str(world)],  # -u: the world starts paused
                executable=shutil.which('gzserver', path=environment['PATH']),
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=prepare_child,
            )

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    def check(self) -> None:
        """Raise `GraspDecoderError` when gzserver has ended."""
        if self._process.poll() is not None:
            last = ' '.join(self.log.read_text(errors='replace').split('\n')[-3:]).strip()
            raise GraspDecoderError(f'gzserver ended with status {self._process.returncode}: {last}')

    def close(self) -> None:
        """End gzserver and delete its files."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
            try:
                self._process.wait(5.0)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return probe.getsockname()[1]

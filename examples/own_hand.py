# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Drive your own hand: joint targets from `hand_bridge` in, lines of text to the hand out.

The hand of this example takes lines such as `index_mcp 0.500` (joint, rad) on a serial port, and `open`. Put your
hand's protocol in the place of `move` and `open_hand`. Without --port the lines are printed.

    ./run python examples/own_hand.py --port /dev/ttyUSB0
"""

import argparse
import time

import rclpy
from rclpy.executors import ExternalShutdownException
from rclpy.node import Node
from sensor_msgs.msg import JointState

from grasp_decoder.system.network import stay_on_this_machine

SILENCE_S = 0.2
"""After this long without a target the hand opens: `hand_bridge` has ended, or the network between them."""


class OwnHand(Node):
    """Passes joint targets on, and opens the hand when they stop."""

    def __init__(self, port):
        super().__init__('own_hand')
        self._port = port
        self._last_target_s = None
        # Depth 1: an old target is of no use to a hand.
        self.create_subscription(JointState, '/hand/joint_targets', self.move, 1)
        self.create_timer(0.02, self._watch)

    def move(self, targets):
        """Send one position for each joint."""
        self._last_target_s = time.monotonic()
        self._port.write(''.join(f'{name} {angle:.3f}\n' for name, angle in zip(targets.name, targets.position)))
        self._port.flush()

    def open_hand(self):
        """Let go."""
        self._port.write('open\n')
        self._port.flush()

    def _watch(self):
        if self._last_target_s is not None and time.monotonic() - self._last_target_s > SILENCE_S:
            self._last_target_s = None
            self.get_logger().warning('no joint targets: the hand opens')
            self.open_hand()


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--port', default='/dev/stdout', help='file or device to write to; default %(default)s')
    arguments = parser.parse_args(argv)
    stay_on_this_machine()
    rclpy.init()
    try:
        with open(arguments.port, 'w') as port:
            rclpy.spin(OwnHand(port))
    except (KeyboardInterrupt, ExternalShutdownException):
        pass
    finally:
        rclpy.try_shutdown()


if __name__ == '__main__':
    main()

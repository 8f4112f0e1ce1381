# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""A lifecycle manager: brings nodes up in order, each once those before it are active, and down in reverse at Ctrl-C.

Start the nodes with `-p autostart:=false`, then name them here, those that listen before those that speak:

    ./run python examples/lifecycle_manager.py simulated_hand hand_bridge decoder
"""

import signal
import sys

import rclpy
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from rclpy.signals import SignalHandlerOptions

from grasp_decoder.system.network import stay_on_this_machine

UP = Transition.TRANSITION_CONFIGURE, Transition.TRANSITION_ACTIVATE
DOWN = Transition.TRANSITION_DEACTIVATE, Transition.TRANSITION_CLEANUP
PATIENCE_S = 10.0


def change(node, name, transitions):
    client = node.create_client(ChangeState, f'{name}/change_state')
    if not client.wait_for_service(PATIENCE_S):
        sys.exit(f'error: {name} does not answer: start it with autostart:=false')
    for number in transitions:
        request = ChangeState.Request(transition=Transition(id=number))
        answer = client.call_async(request)
        rclpy.spin_until_future_complete(node, answer, timeout_sec=PATIENCE_S)
        if not answer.done() or not answer.result().success:
            sys.exit(f'error: {name} refused transition {number}: see its log')
    print(name, 'is active' if transitions == UP else 'is down', flush=True)


names = sys.argv[1:]
if not names:
    sys.exit(__doc__)
stay_on_this_machine()
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])  # it is waited for below
rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
manager = rclpy.create_node('lifecycle_manager')
for each in names:
    change(manager, each, UP)
signal.sigwait([signal.SIGINT])
for each in reversed(names):
    change(manager, each, DOWN)
manager.destroy_node()
rclpy.shutdown()

# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""security: make the keys with which only this system's nodes can take part in it (SROS2).

Each node gets a key, and may use the topics and services that it is made for. The operator, who is ros2 on the command
line, an e-stop or a lifecycle manager, may use all. docs/security.md says how the nodes are started with them.
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from grasp_decoder.cli.command_line import exit_status
from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.system.keystore import make_keystore
from grasp_decoder.system.network import ros_domain
from grasp_decoder.system.replay_options import NAMESPACE

HIGHEST_DOMAIN = 232


def main(argv=None) -> int:
    return exit_status(security, argv)


def security(argv) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest='command', required=True)
    keystore = commands.add_parser('keystore', help='make a keystore, or add to one and sign its policies anew')
    keystore.add_argument('folder', type=Path, metavar='DIR', help='folder of the keystore')
    keystore.add_argument(
        '--domain', metavar='N', default=ros_domain(), help='ROS domain of the system (default: ROS_DOMAIN_ID, else 0)'
    )
    keystore.add_argument('--namespace', metavar='NAME', default='', help='namespace of the system (default: none)')
    arguments = parser.parse_args(argv)
    if not re.fullmatch(r'\d{1,3}', arguments.domain) or int(arguments.domain) > HIGHEST_DOMAIN:
        raise GraspDecoderError(f"'{arguments.domain}' is no ROS domain: it is a number from 0 to {HIGHEST_DOMAIN}")
    if arguments.namespace and not re.fullmatch(NAMESPACE, arguments.namespace):
        raise GraspDecoderError(f"--namespace is '{arguments.namespace}': give a name such as left, or left/hand")
    namespace = f'/{arguments.namespace.removeprefix("/")}' if arguments.namespace else ''
    enclaves = make_keystore(arguments.folder, int(arguments.domain), namespace)
    print(
        f'{arguments.folder} has a key and the rights of each enclave, for ROS domain {int(arguments.domain)}:\n'
        f'  {" ".join(enclaves)}\n'
        f'{arguments.folder}/private can let others in: no node needs it, keep it to yourself'
    )

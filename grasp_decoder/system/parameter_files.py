# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Parameter files of the nodes, ``config/NODE.yaml``, made from the declarations of their settings.

``./run python -m grasp_decoder.system.parameter_files`` writes them again after a change of the declarations.
"""

from __future__ import annotations

import textwrap

import yaml

from grasp_decoder.share import share_directory
from grasp_decoder.system.interfaces import NODES
from grasp_decoder.system.node_settings import NODE_SETTINGS, READ_ONLY_SETTINGS
from grasp_decoder.types.setting import Declaration, declarations

WIDTH = 120
COMMENT = '    # '


def parameter_file(node: str) -> str:
    """The text of ``config/NODE.yaml``: every parameter with its default, and above it what it means."""
    lines = [
        f'# Parameters of {node} with their defaults. Your parameter file and the arguments of a run override them.',
        '# Made by: ./run python -m grasp_decoder.system.parameter_files',
        f'/**/{node}:  # in any namespace',
        '  ros__parameters:',
    ]
    if NODES[node].lifecycle:
        lines.insert(1, f'# While the node is not configured, all can be set but {read_only_names(node)}.')
    for settings in NODE_SETTINGS[node]:
        for declaration in declarations(settings):
            lines += textwrap.wrap(explanation(declaration), WIDTH, initial_indent=COMMENT, subsequent_indent=COMMENT)
            lines += textwrap.indent(yaml.safe_dump({declaration.name: declaration.default}), 4 * ' ').splitlines()
    return '\n'.join(lines) + '\n'


def explanation(declaration: Declaration) -> str:
    """What a parameter means, with its unit and the values that it may have."""
    rules = [declaration.unit] if declaration.unit else []
    if declaration.choices:
        rules.append(declaration.allowed())
    elif declaration.low is not None:
        rules.append(f'from {declaration.low} to {declaration.high}')
    if settable := declaration.settable():
        rules.append(settable)
    return f'{declaration.description} ({"; ".join(rules)})' if rules else declaration.description


def read_only_names(node: str) -> str:
    """The parameters of a lifecycle node that can never be set, in words."""
    read_only = [settings for settings in NODE_SETTINGS[node] if settings in READ_ONLY_SETTINGS]
    *names, last = [declaration.name for settings in read_only for declaration in declarations(settings)]
    return f'{", ".join(names)} and {last}'


def main() -> None:
    """Write all of them into ``config/``."""
    for node in NODE_SETTINGS:
        (share_directory() / 'config' / f'{node}.yaml').write_text(parameter_file(node))


if __name__ == '__main__':
    main()

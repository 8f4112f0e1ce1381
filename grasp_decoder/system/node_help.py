# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""What ``NODE --help`` prints: what a node does, its topics and services, and its parameters with their defaults."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

import yaml

from grasp_decoder.system.interfaces import NODES
from grasp_decoder.system.node_settings import NODE_SETTINGS
from grasp_decoder.system.parameter_files import explanation
from grasp_decoder.types.setting import declarations

WIDTH = 100


def node_help(node: str, about: str) -> str:
    """The help of the node of this name; ``about`` is what it says of itself."""
    return '\n'.join(_lines(node, about))


def _lines(node: str, about: str) -> Iterator[str]:
    yield f'usage: {node} [--help] [--ros-args [-p PARAMETER:=VALUE ...] [--params-file FILE ...]]'
    yield ''
    yield about.strip()
    yield ''
    has = NODES[node]
    for kind in ('publishes', 'subscribes', 'serves'):
        if interfaces := getattr(has, kind):
            yield from _wrapped(f'{kind}: {" ".join(interface.name for interface in interfaces)}', '', '  ')
    yield ''
    yield 'parameters, each with its default:'
    for settings in NODE_SETTINGS[node]:
        for declaration in declarations(settings):
            yield '  ' + yaml.safe_dump({declaration.name: declaration.default}).strip()
            yield from _wrapped(explanation(declaration), 6 * ' ', 6 * ' ')


def _wrapped(text: str, first: str, others: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent=first, subsequent_indent=others)

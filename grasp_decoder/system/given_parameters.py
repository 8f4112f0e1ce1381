# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Parameters that a user gives, compared with those that nodes declare: ROS ignores all others without a word."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator
from typing import Any

from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.system.node_settings import NODE_SETTINGS
from grasp_decoder.types.setting import declarations
from grasp_decoder.yaml_file import read_yaml

GIVEN_BY_ROS = ('use_sim_time', 'start_type_description_service')
PARAMETERS = 'ros__parameters'


def refuse_undeclared(node: str, names: Iterable[str]) -> None:
    """Refuse parameters that the node of this name does not declare.

    Raises:
        GraspDecoderError: one of ``names`` is not declared; the message says which declared one is nearest.
    """
    declared = [each.name for settings in NODE_SETTINGS[node] for each in declarations(settings)]
    for name in names:
        if name not in declared and name not in GIVEN_BY_ROS:
            raise GraspDecoderError(f'{node} has no parameter {name}{_nearest(name, declared)}')


def check_parameter_file(path: str, namespace: str) -> None:
    """Refuse a parameter file of a run that is missing, or in which something would be ignored.

    Args:
        path: of the file.
        namespace: of the run, absolute.

    Raises:
        GraspDecoderError: it cannot be read, names a node that is none of this package in ``namespace``, or a
            parameter that its node does not declare.
    """
    content = read_yaml(path, 'parameter file')
    if not isinstance(content, dict):
        raise GraspDecoderError(f'{path}: the parameter file names no node')
    full_names = {f'{namespace.rstrip("/")}/{node}': node for node in NODE_SETTINGS}
    for pattern, parameters in _sections(path, content):
        meant = [node for name, node in full_names.items() if re.fullmatch(_expression(pattern), name)]
        if not meant:
            raise GraspDecoderError(f'{path}: no node is called {pattern}{_nearest(pattern, full_names)}')
        for node in meant:
            try:
                refuse_undeclared(node, parameters)
            except GraspDecoderError as error:
                raise GraspDecoderError(f'{path}: {error}') from None


def _sections(path: str, content: dict[Any, Any], above: str = '') -> Iterator[tuple[str, dict[str, Any]]]:
    """Name, in which ``*`` and ``**`` may stand for others, and parameters of each node in a file."""
    for key, value in content.items():
        name = f'{above}/{str(key).strip("/")}'
        if not isinstance(value, dict):
            raise GraspDecoderError(f'{path}: below {name} there is no {PARAMETERS}')
        if PARAMETERS in value:
            parameters = value[PARAMETERS]
            if not isinstance(parameters, dict):
                raise GraspDecoderError(f'{path}: {name} has no parameters')
            yield name, {str(each): parameters[each] for each in parameters}
        else:
            yield from _sections(path, value, name)


def _expression(pattern: str) -> str:
    """The regular expression of a node's name in a parameter file: ``**`` are any words, ``*`` is one."""
    words = {'**': r'(/\w+)*', '*': r'/\w+'}
    return ''.join(words.get(word, '/' + re.escape(word)) for word in pattern.strip('/').split('/'))


def _nearest(name: str, names: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, list(names), 1)
    return f': did you mean {near[0]}?' if near else ''

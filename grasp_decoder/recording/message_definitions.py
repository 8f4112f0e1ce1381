# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Definitions of ROS message types as text, from the .msg files that are installed: what an MCAP file carries."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.share import share_directory

_SEPARATOR = '=' * 80
_FIELD = re.compile(r'^\s*([A-Za-z][\w/]*)(?:<=\d+)?(?:\[[^\]]*\])?\s+[A-Za-z]')
_BUILT_IN = frozenset(
    (
        'bool',
        'byte',
        'char',
        'string',
        'wstring',
        'float32',
        'float64',
        *(f'{sign}int{bits}' for sign in ('', 'u') for bits in (8, 16, 32, 64)),
    )
)


def message_definition(type_name: str) -> str:
    """The definition of ``package/msg/Name`` followed by those of all types in it, in rosbag2's form ("ros2msg")."""
    texts: dict[str, str] = {}
    _collect(type_name, texts)
    first, *others = texts.items()
    return first[1] + ''.join(f'{_SEPARATOR}\nMSG: {name.replace("/msg/", "/")}\n{text}' for name, text in others)


def _collect(type_name: str, texts: dict[str, str]) -> None:
    package, _, name = type_name.split('/')
    texts[type_name] = _find(package, name).read_text(encoding='utf-8')
    for line in texts[type_name].splitlines():
        if (found := _FIELD.match(line)) and (field_type := found[1]) not in _BUILT_IN:
            parts = field_type.split('/')
            needed = f'{parts[0] if len(parts) > 1 else package}/msg/{parts[-1]}'
            if needed not in texts:
                _collect(needed, texts)


def _find(package: str, name: str) -> Path:
    shares = [Path(prefix, 'share', package) for prefix in os.environ.get('AMENT_PREFIX_PATH', '').split(os.pathsep)]
    shares.append(Path(sys.prefix, 'share', package))
    if package == 'grasp_decoder':
        shares.insert(0, share_directory())
    for share in shares:
        file = share / 'msg' / f'{name}.msg'
        if file.is_file():
            return file
    raise GraspDecoderError(f'no definition of {package}/msg/{name}: source the ROS 2 installation that has it')

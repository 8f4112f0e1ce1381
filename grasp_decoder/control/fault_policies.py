# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""What the hand does when something is wrong: a policy for every kind of fault (``config/faults.yaml``)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.share import share_directory
from grasp_decoder.yaml_file import read_yaml


class FaultKind(StrEnum):
    """Kinds of fault; ``config/faults.yaml`` says what each is."""

    E_STOP = 'e_stop'
    NO_DECODER = 'no_decoder'
    EXCHANGE = 'exchange'
    LATE = 'late'
    INVALID_DECODE = 'invalid_decode'
    INVALID_INPUT = 'invalid_input'
    LOST_DATA = 'lost_data'
    CLOCK = 'clock'
    SILENCE = 'silence'
    SECOND_PUBLISHER = 'second_publisher'
    HAND = 'hand'
    INTERNAL = 'internal'
    ENDING = 'ending'


class Policy(StrEnum):
    """What the hand does in a fault."""

    OPEN = 'open'
    HOLD = 'hold'
    KEEP = 'keep'


@dataclass(frozen=True)
class Fault:
    """Something is wrong: its kind, which decides what the hand does, and a reason for people."""

    kind: FaultKind
    reason: str


FaultPolicies = Mapping[FaultKind, Policy]


def load_fault_policies(path: str | Path | None = None) -> FaultPolicies:
    """Read a table of policies; kinds that it leaves out are as in the package's own, which is read without ``path``.

    Raises:
        GraspDecoderError: the file cannot be read, or an entry is not known.
    """
    own = share_directory() / 'config' / 'faults.yaml'
    policies = _read(own)
    return {**policies, **_read(Path(path))} if path else policies


def _read(path: Path) -> dict[FaultKind, Policy]:
    content = read_yaml(path, 'table of faults')
    if not isinstance(content, dict):
        raise GraspDecoderError(f'{path}: the table of faults must have lines such as "e_stop: open"')
    policies = {}
    for kind, policy in content.items():
        if kind not in list(FaultKind):
            raise GraspDecoderError(f'{path}: {kind!r} is not a kind of fault; kinds are {", ".join(FaultKind)}')
        if policy not in list(Policy):
            raise GraspDecoderError(f'{path}: {kind}: {policy!r} is not one of {", ".join(Policy)}')
        policies[FaultKind(kind)] = Policy(policy)
    return policies

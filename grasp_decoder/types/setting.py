# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Settings declared once: a frozen dataclass holds name, type, default, unit, range and description of each.

Such as::

    @dataclass(frozen=True)
    class Motion(Settings):
        speed: float = setting(1.0, 'how fast the hand may move', unit='1/s', low=0.0, high=10.0)

Parameters of ROS nodes, the files ``config/NODE.yaml`` and options of command lines are made from the declarations.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

from grasp_decoder.errors import GraspDecoderError

KINDS = {float: 'a decimal number', int: 'a whole number', bool: 'true or false', str: 'text'}


@dataclass(frozen=True)
class Declaration:
    """What is known of one setting.

    Attributes:
        name: of the field.
        default: a float, int, bool or str, which also gives the type.
        description: what it means, without unit and range.
        unit: such as ``s`` or ``1/s``; empty for none.
        low, high: smallest and largest value; both None for any.
        choices: the values that it may have; empty for any.
        dynamic: whether it can be set while a node runs.
    """

    name: str
    default: Any
    description: str
    unit: str
    low: float | None
    high: float | None
    choices: tuple[str, ...]
    dynamic: bool

    def meaning(self) -> str:
        """Description with unit."""
        return f'{self.description} ({self.unit})' if self.unit else self.description

    def allowed(self) -> str:
        """The values that it may have, such as ``a decimal number from 0.0 to 1.0``."""
        if self.choices:
            return 'one of ' + ', '.join(self.choices)
        kind = KINDS[type(self.default)]
        return kind if self.low is None else f'{kind} from {self.low} to {self.high}'

    def settable(self) -> str:
        """Whether it can be set while a node runs, in words; '' if not."""
        return 'can be set while the node runs' if self.dynamic else ''

    def parse(self, text: str) -> Any:
        """The value that ``text`` stands for, of the type of the default.

        Raises:
            GraspDecoderError: it stands for none.
        """
        try:
            if isinstance(self.default, bool):
                return {'true': True, 'false': False}[text.lower()]
            return type(self.default)(text)
        except (KeyError, ValueError):
            raise GraspDecoderError(f'{self.name} is {text!r}: it must be {self.allowed()}') from None

    def allows(self, value: Any) -> bool:
        """Whether ``value`` is of the right type, inside the range and among the choices."""
        # A whole number is a decimal number too.
        if type(value) is not type(self.default) and not (type(value) is int and type(self.default) is float):
            return False
        if self.choices:
            return value in self.choices
        return self.low is None or self.low <= value <= self.high


def setting(
    default: Any,
    description: str,
    *,
    unit: str = '',
    low: float | None = None,
    high: float | None = None,
    choices: tuple[str, ...] = (),
    dynamic: bool = False,
) -> Any:
    """A dataclass field with its declaration; the arguments are the attributes of `Declaration`."""
    rules = {
        'description': description,
        'unit': unit,
        'low': low,
        'high': high,
        'choices': choices,
        'dynamic': dynamic,
    }
    return field(default=default, metadata=rules)


def declarations(settings: type[Settings]) -> tuple[Declaration, ...]:
    """The declaration of each field, in order."""
    return tuple(Declaration(each.name, each.default, **each.metadata) for each in fields(settings))


@dataclass(frozen=True)
class Settings:
    """Base of dataclasses whose fields are made by `setting`; one with a wrong value cannot be made.

    Raises:
        GraspDecoderError: a value that its declaration does not allow.
    """

    def __post_init__(self) -> None:
        for each in declarations(type(self)):
            value = getattr(self, each.name)
            if not each.allows(value):
                raise GraspDecoderError(f'{each.name} is {value!r}: it must be {each.allowed()}')

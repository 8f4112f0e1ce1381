# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Grip table: the motor angles of each grip (``config/grips.yaml``), and which grip an object takes (its catalogue)."""

from __future__ import annotations

import math
from collections.abc import Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.objects import ObjectCatalogue, load_objects
from grasp_decoder.share import share_directory
from grasp_decoder.yaml_file import read_yaml

PRESHAPE_APERTURE = 0.25
"""Aperture at which the hand has a grip's `preshape` posture; 0 is `open`, 1 is `closed`."""


@dataclass(frozen=True)
class Motor:
    """One motor of the hand: its limits (rad, rad/s, rad/s^2), and joint -> rad for 1 rad of the motor."""

    name: str
    low: float
    high: float
    max_velocity: float
    max_acceleration: float
    joints: dict[str, float]


@dataclass(frozen=True)
class GripTable:
    """Read with `load_grip_table`.

    Attributes:
        motors: in the order of every array of motor angles.
        postures: grip name -> float (3, n_motors), rad: open, preshape, closed.
        default_grip: of an object whose catalogue names no grip for it, or does not list it.
        objects: the catalogue; every grip in it is one of ``postures``.
    """

    motors: tuple[Motor, ...]
    postures: dict[str, np.ndarray]
    default_grip: str
    objects: ObjectCatalogue

    def grip_of(self, object_id: int) -> str:
        return self.objects.find(object_id).grip or self.default_grip

    def motor_angles(self, grip: str, aperture: float) -> np.ndarray:
        """Motor angles (n_motors,) in rad of ``grip`` at ``aperture``, 0 open .. 1 closed."""
        opened, preshape, closed = self.postures[grip]
        angles: np.ndarray
        if aperture <= PRESHAPE_APERTURE:
            angles = opened + (preshape - opened) * (aperture / PRESHAPE_APERTURE)
        else:
            angles = preshape + (closed - preshape) * ((aperture - PRESHAPE_APERTURE) / (1.0 - PRESHAPE_APERTURE))
        return angles


def load_grip_table(path: str | Path | None = None, objects: ObjectCatalogue | None = None) -> GripTable:
    """Read and check a grip table.

    Args:
        path: of the table; the package's own by default.
        objects: the catalogue of objects; the package's own by default.

    Raises:
        GraspDecoderError: the table says something wrong, or lacks a grip that an object takes.
    """
    path = Path(path) if path else share_directory() / 'config' / 'grips.yaml'
    return _Reader(path).table(read_yaml(path, 'grip table'), load_objects() if objects is None else objects)


class _Reader:
    """Checks a grip table while it reads it; every error names the file and the entry."""

    def __init__(self, path: Path):
        self._path = path

    def table(self, content: Any, objects: ObjectCatalogue) -> GripTable:
        if isinstance(content, dict) and content.keys() & {'shapes', 'objects'}:
            self._fail('the file', 'which object takes which grip is said by a catalogue of objects (--objects)')
        top = self._section(content, 'the file', {'motors', 'open', 'grips', 'default_grip'}, set())
        motors = tuple(self._motor(name, motor) for name, motor in self._section(top['motors'], 'motors').items())
        self._check_joints(motors)
        opened = self._posture(top['open'], 'open', motors)
        grips = self._section(top['grips'], 'grips')
        postures = {name: self._grip(name, grip, opened, motors) for name, grip in grips.items()}
        default = top['default_grip']
        if not isinstance(default, str) or default not in postures:
            self._fail('default_grip', f'{default!r} is not one of the grips {", ".join(postures)}')
        for each in objects.objects:
            if each.grip is not None and each.grip not in postures:
                self._fail('grips', f"has no '{each.grip}', which {each.label} takes ({objects.source})")
        return GripTable(motors, postures, default, objects)

    def _fail(self, where: str, what: str) -> NoReturn:
        raise GraspDecoderError(f'{self._path}: {where}: {what}')

    def _section(
        self, value: Any, where: str, required: Set[str] = frozenset(), optional: Set[str] | None = None
    ) -> dict[str, Any]:
        if not isinstance(value, dict):
            self._fail(where, 'must be a mapping')
        missing = sorted(map(str, required - value.keys()))
        if missing:
            self._fail(where, f'{missing[0]} is missing')
        unknown = sorted(map(str, value.keys() - required - optional)) if optional is not None else ()
        if unknown:
            self._fail(where, f'{unknown[0]} is not known here')
        return value

    def _number(self, value: Any, where: str) -> float:
        try:
            number = float(value) if type(value) in (int, float) else math.nan
        except OverflowError:  # whole numbers of YAML have no end
            self._fail(where, 'a number is too large')
        if not math.isfinite(number):
            self._fail(where, f'{value!r} is not a finite number')
        return number

    def _motor(self, name: str, motor: Any) -> Motor:
        where = f'motors: {name}'
        limits = ('low', 'high', 'max_velocity', 'max_acceleration')
        motor = self._section(motor, where, {*limits, 'joints'}, set())
        joints = {
            joint: self._number(ratio, f'{where}: {joint}')
            for joint, ratio in self._section(motor['joints'], f'{where}: joints').items()
        }
        read = Motor(
            name, joints=joints, **{limit: self._number(motor[limit], f'{where}: {limit}') for limit in limits}
        )
        if read.low >= read.high:
            self._fail(where, f'low, {read.low}, must be below high, {read.high}')
        if min(read.max_velocity, read.max_acceleration) <= 0.0:
            self._fail(where, 'max_velocity and max_acceleration must be above 0')
        return read

    def _check_joints(self, motors: Sequence[Motor]) -> None:
        if not motors:
            self._fail('motors', 'is empty')
        seen: set[str] = set()
        for motor in motors:
            for joint in motor.joints:
                if joint in seen:
                    self._fail(f'motors: {motor.name}', f'another motor moves {joint} already')
                seen.add(joint)

    def _posture(self, angles: Any, where: str, motors: Sequence[Motor]) -> np.ndarray:
        angles = self._section(angles, where, {motor.name for motor in motors}, set())
        for motor in motors:
            angle = self._number(angles[motor.name], f'{where}: {motor.name}')
            if not motor.low <= angle <= motor.high:
                self._fail(where, f'{motor.name}: {angle} lies outside {motor.low}..{motor.high} rad')
        return np.array([angles[motor.name] for motor in motors], dtype=float)

    def _grip(self, name: str, grip: Any, opened: np.ndarray, motors: Sequence[Motor]) -> np.ndarray:
        where = f'grips: {name}'
        grip = self._section(grip, where, {'preshape', 'closed'}, set())
        return np.stack(
            [opened, *(self._posture(grip[part], f'{where}: {part}', motors) for part in ('preshape', 'closed'))]
        )

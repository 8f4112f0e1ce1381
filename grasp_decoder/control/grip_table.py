"""Grip table: which grip an object takes, and the motor angles of each grip (``config/grips.yaml``)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import yaml

from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.share import share_directory

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
        default_grip: grip of an object that the table does not list.
        shapes: tens of an object id -> {size (units of the id) or 'any': grip}.
        objects: object id -> grip, before the rules by shape.
    """

    motors: tuple[Motor, ...]
    postures: dict[str, np.ndarray]
    default_grip: str
    shapes: dict[int, dict]
    objects: dict[int, str]

    def grip_of(self, object_id: int) -> str:
        if object_id in self.objects:
            return self.objects[object_id]
        shape, size = divmod(object_id, 10)
        rules = self.shapes.get(shape, {})
        return rules.get(size, rules.get('any', self.default_grip))

    def motor_angles(self, grip: str, aperture: float) -> np.ndarray:
        """Motor angles (n_motors,) in rad of ``grip`` at ``aperture``, 0 open .. 1 closed."""
        opened, preshape, closed = self.postures[grip]
        if aperture <= PRESHAPE_APERTURE:
            return opened + (preshape - opened) * (aperture / PRESHAPE_APERTURE)
        return preshape + (closed - preshape) * ((aperture - PRESHAPE_APERTURE) / (1.0 - PRESHAPE_APERTURE))


def load_grip_table(path: str | Path | None = None) -> GripTable:
    """Read and check a grip table; the package's own without ``path``. Raises GraspDecoderError."""
    path = Path(path) if path else share_directory() / 'config' / 'grips.yaml'
    try:
        content = yaml.safe_load(path.read_text())
    except OSError as error:
        raise GraspDecoderError(f'{path}: cannot read the grip table: {error.strerror}') from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        reason = ' '.join(str(error).split())
        raise GraspDecoderError(f'{path}: the grip table is not YAML: {reason}') from error
    return _Reader(path).table(content)


class _Reader:
    """Checks a grip table while it reads it; every error names the file and the entry."""

    def __init__(self, path):
        self._path = path

    def table(self, content) -> GripTable:
        top = self._section(content, 'the file', {'motors', 'open', 'grips', 'default_grip'}, {'shapes', 'objects'})
        motors = tuple(self._motor(name, motor) for name, motor in self._section(top['motors'], 'motors').items())
        self._check_joints(motors)
        opened = self._posture(top['open'], 'open', motors)
        grips = self._section(top['grips'], 'grips')
        postures = {name: self._grip(name, grip, opened, motors) for name, grip in grips.items()}
        shapes = {
            self._id(shape, 'shapes'): self._rules(shape, rules, postures)
            for shape, rules in self._section(top.get('shapes') or {}, 'shapes').items()
        }
        objects = {
            self._id(object_id, 'objects'): self._known(grip, f'objects: {object_id}', postures)
            for object_id, grip in self._section(top.get('objects') or {}, 'objects').items()
        }
        default = self._known(top['default_grip'], 'default_grip', postures)
        return GripTable(motors, postures, default, shapes, objects)

    def _fail(self, where, what):
        raise GraspDecoderError(f'{self._path}: {where}: {what}')

    def _section(self, value, where, required=frozenset(), optional=None):
        if not isinstance(value, dict):
            self._fail(where, 'must be a mapping')
        missing = sorted(map(str, required - value.keys()))
        if missing:
            self._fail(where, f'{missing[0]} is missing')
        unknown = sorted(map(str, value.keys() - required - optional)) if optional is not None else ()
        if unknown:
            self._fail(where, f'{unknown[0]} is not known here')
        return value

    def _number(self, value, where):
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
            self._fail(where, f'{value!r} is not a finite number')
        return float(value)

    def _id(self, value, where):
        if isinstance(value, bool) or not isinstance(value, int):
            self._fail(where, f'{value!r} is not an integer')
        return value

    def _known(self, grip, where, postures):
        if grip not in postures:
            self._fail(where, f'{grip!r} is not one of the grips {", ".join(postures)}')
        return grip

    def _motor(self, name, motor):
        where = f'motors: {name}'
        limits = ('low', 'high', 'max_velocity', 'max_acceleration')
        motor = self._section(motor, where, {*limits, 'joints'}, set())
        joints = {
            joint: self._number(ratio, f'{where}: {joint}')
            for joint, ratio in self._section(motor['joints'], f'{where}: joints').items()
        }
        read = Motor(name, *(self._number(motor[limit], f'{where}: {limit}') for limit in limits), joints)
        if read.low >= read.high:
            self._fail(where, f'low, {read.low}, must be below high, {read.high}')
        if min(read.max_velocity, read.max_acceleration) <= 0.0:
            self._fail(where, 'max_velocity and max_acceleration must be above 0')
        return read

    def _check_joints(self, motors):
        if not motors:
            self._fail('motors', 'is empty')
        seen = set()
        for motor in motors:
            for joint in motor.joints:
                if joint in seen:
                    self._fail(f'motors: {motor.name}', f'another motor moves {joint} already')
                seen.add(joint)

    def _posture(self, angles, where, motors):
        angles = self._section(angles, where, {motor.name for motor in motors}, set())
        for motor in motors:
            angle = self._number(angles[motor.name], f'{where}: {motor.name}')
            if not motor.low <= angle <= motor.high:
                self._fail(where, f'{motor.name}: {angle} lies outside {motor.low}..{motor.high} rad')
        return np.array([angles[motor.name] for motor in motors], dtype=float)

    def _grip(self, name, grip, opened, motors):
        where = f'grips: {name}'
        grip = self._section(grip, where, {'preshape', 'closed'}, set())
        return np.stack(
            [opened, *(self._posture(grip[part], f'{where}: {part}', motors) for part in ('preshape', 'closed'))]
        )

    def _rules(self, shape, rules, postures):
        where = f'shapes: {shape}'
        rules = self._section(rules, where)
        return {
            self._size(size, where): self._known(grip, f'{where}: {size}', postures)
            for size, grip in rules.items()
            if size != 'name'
        }

    def _size(self, size, where):
        return size if size == 'any' else self._id(size, where)

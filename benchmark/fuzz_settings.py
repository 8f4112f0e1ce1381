# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""YAML files that people write, and parameters."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from benchmark.fuzz_target import Target
from benchmark.mutation import HOSTILE_VALUES, mutated_bytes, mutated_tree
from grasp_decoder.control.fault_policies import load_fault_policies
from grasp_decoder.control.grip_table import load_grip_table
from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.objects import load_merge, load_objects
from grasp_decoder.recording.mapping import load_mapping
from grasp_decoder.share import share_directory
from grasp_decoder.system.node_settings import NODE_SETTINGS
from grasp_decoder.types.setting import declarations


class Yaml(Target):
    """A YAML file that people write.

    Args:
        name: of the target.
        text: a good one.
        load: reads one.
    """

    def __init__(self, material: Path, name: str, text: str, load: Callable[[Path], Any]):
        super().__init__(material)
        self.name, self._text, self._load = name, text, load

    def make(self, rng: np.random.Generator, folder: Path) -> None:
        text = self._text.encode()
        if rng.random() < 0.7:
            tree = mutated_tree(rng, yaml.safe_load(text))
            content = yaml.safe_dump(tree, allow_unicode=True).encode(errors='replace')
        else:
            content = mutated_bytes(rng, text)
        (folder / 'input.yaml').write_bytes(content)

    def read(self, folder: Path) -> None:
        self._load(folder / 'input.yaml')


def _grips(path: Path) -> None:
    table = load_grip_table(path)
    for grip in table.postures:
        table.motor_angles(grip, 0.5)


def _objects(path: Path) -> None:
    objects = load_objects(path)
    for each in objects.objects:
        objects.find(each.object_id)
    objects.in_several_sizes()
    load_grip_table(None, objects)


def _merge(path: Path) -> None:
    objects = load_merge(path)
    for copy in objects.copies:
        objects.find(copy)


def _config(name: str) -> str:
    return (share_directory() / 'config' / f'{name}.yaml').read_text(encoding='utf-8')


def _mapping_text() -> str:
    return (resources.files('grasp_decoder.recording') / 'neo_mat_mapping.yaml').read_text(encoding='utf-8')


class Parameters(Target):
    """Values of every setting of every node, as ROS gives them and as text on a command line."""

    name = 'parameters'

    def make(self, rng: np.random.Generator, folder: Path) -> None:
        settings = [each for classes in NODE_SETTINGS.values() for each in classes]
        self._settings = settings[rng.integers(len(settings))]
        self._values = {each.name: each.default for each in declarations(self._settings)}
        for name in rng.choice(list(self._values), rng.integers(1, 4)):
            self._values[str(name)] = HOSTILE_VALUES[rng.integers(len(HOSTILE_VALUES))]

    def read(self, folder: Path) -> None:
        for each in declarations(self._settings):
            try:
                each.parse(str(self._values[each.name]) if self._values[each.name] != 10**400 else '9' * 5000)
            except GraspDecoderError:
                continue
        self._settings(**self._values)


YAML_TARGETS: dict[str, Callable[[Path], Target]] = {
    name: partial(Yaml, name=name, text=text(), load=load)
    for name, text, load in (
        ('mapping', _mapping_text, load_mapping),
        ('merge', lambda: '11: 41\n12: 54\n13: 34\n', _merge),
        ('grips', lambda: _config('grips'), _grips),
        ('objects', lambda: _config('objects'), _objects),
        ('faults', lambda: _config('faults'), load_fault_policies),
    )
}

# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Mutations of files and values: what a careless copy, a bad disk or somebody who wants to harm makes of them."""

from __future__ import annotations

import copy
import struct
from typing import Any

import numpy as np

HOSTILE_VALUES = (
    None,
    True,
    '',
    'x',
    'a\n\x1b[2J\0',
    '../../etc/passwd',
    '9' * 5000,
    'x' * 100_000,
    0,
    -1,
    255,
    2**31,
    2**63,
    -(2**63),
    10**400,
    0.0,
    -1.0,
    1e-300,
    1e300,
    float('nan'),
    float('inf'),
    float('-inf'),
    [],
    {},
    [[[[[]]]]],
    {'': {}},
)
_WORDS = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)


def mutated_bytes(rng: np.random.Generator, content: bytes) -> bytes:
    """One to four changes: bits, bytes, lengths, pieces that are cut out, doubled or moved."""
    data = bytearray(content)
    for _ in range(rng.integers(1, 5)):
        if not data:
            return bytes(rng.integers(0, 256, 16, np.uint8))
        at = int(rng.integers(len(data)))
        length = int(min(len(data) - at, 1 << rng.integers(0, 10)))
        match rng.integers(8):
            case 0:
                data[at] ^= 1 << rng.integers(8)
            case 1:
                data[at] = rng.integers(256)
            case 2:
                at = at // 4 * 4
                data[at : at + 4] = struct.pack('<I', rng.choice(_WORDS))
            case 3:
                at = at // 8 * 8
                data[at : at + 8] = struct.pack('<Q', int(rng.choice(_WORDS)) << int(rng.integers(33)))
            case 4:
                del data[at : at + length]
            case 5:
                data[at:at] = data[at : at + length]
            case 6:
                data[at : at + length] = bytes(length)
            case _:
                if rng.random() < 0.3:
                    del data[at:]
    return bytes(data)


def mutated_tree(rng: np.random.Generator, tree: Any) -> Any:
    """One to three values within tables and lists replaced, left out, doubled or put elsewhere."""
    tree = copy.deepcopy(tree)
    for _ in range(rng.integers(1, 4)):
        holder, key = _any_place(rng, tree)
        if holder is None:
            return HOSTILE_VALUES[rng.integers(len(HOSTILE_VALUES))]
        match rng.integers(4):
            case 0:
                del holder[key]
            case 1 if isinstance(holder, list):
                holder.append(copy.deepcopy(holder[key]))
            case 1:
                holder[HOSTILE_VALUES[rng.integers(21)]] = holder[key]
            case 2:
                other, other_key = _any_place(rng, tree)
                holder[key] = copy.deepcopy(other[other_key]) if other is not None else None
            case _:
                holder[key] = HOSTILE_VALUES[rng.integers(len(HOSTILE_VALUES))]
    return tree


def _any_place(rng: np.random.Generator, tree: Any) -> tuple[Any, Any]:
    """A table or list in the tree, and a key or index in it; None where there is none."""
    holder = key = None
    while isinstance(tree, dict | list) and tree:
        if holder is not None and rng.random() < 0.25:
            break
        keys = list(tree) if isinstance(tree, dict) else range(len(tree))
        holder, key = tree, keys[rng.integers(len(keys))]
        tree = holder[key]
    return holder, key

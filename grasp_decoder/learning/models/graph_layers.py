# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Layers of the loop-free graphs that go into a bundle."""

from __future__ import annotations

import keras
import numpy as np


def fixed_dense(kernel: np.ndarray, bias: np.ndarray) -> keras.layers.Dense:
    """A dense layer with given weights (inputs, outputs) and (outputs,)."""
    layer = keras.layers.Dense(kernel.shape[1])
    layer.build((1, kernel.shape[0]))
    layer.set_weights([kernel, bias])
    return layer


def fixed_convolution(kernel: np.ndarray, bias: np.ndarray) -> keras.layers.Conv2D:
    """A dense layer on tensors (1, 1, 1, inputs): as a convolution it keeps one scale per output in an int8 model."""
    layer = keras.layers.Conv2D(kernel.shape[1], 1)
    layer.build((1, 1, 1, kernel.shape[0]))
    layer.set_weights([kernel[None, None], bias])
    return layer


def two_part_dense(kernel: np.ndarray, bias: np.ndarray):
    """A dense layer whose weights keep about 15 bits in an int8 model; call it on its inputs.

    It is the sum of two layers: the kernel rounded to int8 as the converter does, and what the rounding left. For
    kernels with few large weights among many small ones, such as a read-in that standardises rarely firing units.
    """
    step = np.abs(kernel).max() / 127 or 1.0
    coarse = np.rint(kernel / step) * step
    parts = fixed_dense(coarse, bias), fixed_dense(kernel - coarse, np.zeros_like(bias))
    return lambda inputs: keras.layers.Add()([part(inputs) for part in parts])

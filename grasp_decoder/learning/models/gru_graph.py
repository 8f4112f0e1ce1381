# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""One step of a causal GRU as a graph without loops, from layers that an Edge TPU takes.

Beside the GRU's own state (Cho et al. 2014; the candidate's reset gate is applied after the recurrent product, as in
cuDNN) the state holds the *trace*: a leaky average of the inputs of earlier bins, which is an input as well. In the
graph it is units of a GRU with constant gates.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import keras
import numpy as np
from scipy.linalg import block_diag
from scipy.signal import lfilter

from grasp_decoder.learning.models.graph_layers import fixed_dense

TRACE_LEAK = 1 / 32
"""Share of the trace that a bin replaces: the time constant is 32 bins. A sigmoid in int8 has just this value."""

TRACE_GAIN = 4.0
"""The GRU takes the trace times this, so that it varies about as much as its inputs."""

SLOPE = 0.5
"""The trace averages tanh(SLOPE * input), so that no bin counts for much.

Half of it, with twice the gain, decodes as well, but the trace then takes too few steps of int8: 97.7 % of the bins get
the class that float gives them, in place of 98.2 % (validation trials of MSyn40, two seeds).
"""


def with_trace(inputs: np.ndarray) -> np.ndarray:
    """Inputs (..., bins, k) and behind them the trace of the bins before, (..., bins, 2 * k), float32."""
    trace = lfilter([0, TRACE_LEAK], [1, TRACE_LEAK - 1], np.tanh(SLOPE * inputs), axis=-2)
    return np.concatenate([inputs, TRACE_GAIN * trace], axis=-1, dtype=np.float32)


@dataclass(frozen=True)
class StepWeights:
    """What a step computes with.

    Attributes:
        width: latents that the GRU takes, k.
        gru: as Keras keeps them; its kernel has k rows, or 2 * k when it takes the trace as well.
        read_out: (states, n) and (n,).
    """

    width: int
    gru: Sequence[np.ndarray]
    read_out: Sequence[np.ndarray]


Weights = Sequence[np.ndarray]
"""Of a layer, as Keras keeps them."""


def joined(grus: Sequence[Weights], read_outs: Sequence[Weights]) -> tuple[Weights, Weights]:
    """The GRU and read-out that compute the mean of some members' outputs; the members' states lie side by side."""
    kernels, recurrents, biases = ([np.split(part, 3, axis=1) for part in parts] for parts in zip(*grus))
    gru = [
        np.hstack([part for gate in zip(*kernels) for part in gate]),
        np.hstack([block_diag(*gate) for gate in zip(*recurrents)]),
        np.hstack([part for gate in zip(*biases) for part in gate]),
    ]
    kernels_out, biases_out = zip(*read_outs)
    return gru, [np.concatenate(kernels_out) / len(read_outs), np.mean(biases_out, axis=0)]


def step_graph(weights: StepWeights) -> keras.Model:
    """The graph of a recurrent `TaskNetwork`.

    Keras keeps the gates in the order update, reset, candidate, and its update gate is the share that is kept.
    """
    inputs, trace, recurrent, bias, recurrent_bias = (np.split(part, 3, axis=-1) for part in _parts(weights))
    no_bias = np.zeros_like(bias[0])

    x = keras.Input(batch_shape=(1, weights.width), name='features')
    state = keras.Input(batch_shape=(1, len(no_bias)), name='state')

    def gate(index, sign=1):
        of_input = fixed_dense(sign * inputs[index], sign * (bias[index] + recurrent_bias[index]))(x)
        of_state = fixed_dense(sign * (trace[index] + recurrent[index]), no_bias)(state)
        return keras.layers.Activation('sigmoid')(keras.layers.Add()([of_input, of_state]))

    keep, update, reset = gate(0), gate(0, -1), gate(1)
    parts = [
        fixed_dense(inputs[2], bias[2])(x),
        keras.layers.Multiply()([reset, fixed_dense(recurrent[2], recurrent_bias[2])(state)]),
    ]
    if trace[2].any():
        parts.append(fixed_dense(trace[2], no_bias)(state))
    candidate = keras.layers.Activation('tanh')(keras.layers.Add()(parts))
    new_state = keras.layers.Add()(
        [keras.layers.Multiply()([keep, state]), keras.layers.Multiply()([update, candidate])]
    )
    kernel, read_out_bias = weights.read_out
    kernel = np.concatenate([kernel, np.zeros((len(no_bias) - len(kernel), kernel.shape[1]), np.float32)])
    return keras.Model(
        [x, state],
        {'logits': fixed_dense(kernel, read_out_bias)(new_state), 'update': update, 'candidate': candidate},
    )


def _parts(weights: StepWeights) -> list[np.ndarray]:
    """Weights of a GRU with a state of its own and, behind it, the trace; the three gates side by side in each.

    Kernels of the inputs (k, 3 * S), of the trace and of the GRU's own state (S, 3 * S); biases of inputs and state
    (3 * S,).
    """
    kernel, recurrent, biases_of_gru = weights.gru
    width, own = weights.width, len(recurrent)
    size = own + len(kernel) - width
    inputs, trace, of_own = (np.zeros((rows, 3, size), np.float32) for rows in (width, size, size))
    biases = np.zeros((2, 3, size), np.float32)
    inputs[..., :own] = kernel[:width].reshape(width, 3, own)
    trace[own:, :, :own] = TRACE_GAIN * kernel[width:].reshape(-1, 3, own)
    of_own[:own, :, :own] = recurrent.reshape(own, 3, own)
    biases[..., :own] = biases_of_gru.reshape(2, 3, own)
    if size > own:
        inputs[:, 2, own:] = SLOPE * np.eye(width)
        biases[0, 0, own:] = np.log(1 / TRACE_LEAK - 1)
    return [part.reshape(*part.shape[:-2], -1) for part in (inputs, trace, of_own, *biases)]

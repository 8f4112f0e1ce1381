# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Converts a Keras graph to TFLite, as float and as full int8."""

from __future__ import annotations

import os
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import tensorflow as tf
from absl import logging
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from grasp_decoder.bundle.edge_tpu import check_model
from grasp_decoder.bundle.export.calibration import calibrate
from grasp_decoder.bundle.export.refinement import refine
from grasp_decoder.bundle.manifest import ModelFile, TaskManifest
from grasp_decoder.bundle.task_network import DOF, GRAPH_INPUTS, GRAPH_OUTPUTS, RECURRENT, TaskNetwork
from grasp_decoder.bundle.tflite_file import model_file
from grasp_decoder.features.trial_bins import TrialBins


def convert(network: TaskNetwork, train: Sequence[TrialBins], folder: Path) -> TaskManifest:
    """Write ``TASK_float.tflite`` and ``TASK_int8.tflite`` into ``folder``.

    Inputs and outputs of the int8 model are int8. It is calibrated on training trials only.

    Returns:
        The task's entry for the manifest.
    """
    frozen = _frozen(network)
    as_float = _write(_convert(_converter(frozen)), folder, f'{network.task}_float.tflite', network.kind)
    manifest = TaskManifest(
        model=network.model,
        kind=network.kind,
        look_back=network.look_back,
        lut=tuple(float(feature) for feature in network.lut),
        temperature=float(network.temperature),
        models={'float': as_float},
        state_size=as_float.inputs[1].shape[-1] if network.kind == RECURRENT else 0,
        latents=network.read_in.width if network.read_in else None,
    )
    content = (folder / as_float.file).read_bytes()
    calibration = calibrate(network.task, manifest, content, train, network.read_in)
    converter = _converter(frozen)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: iter(calibration.inputs)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    # One scale for each weight matrix: the Edge TPU's compiler does not know one scale for each row.
    converter._experimental_disable_per_channel_quantization_for_dense_layers = True
    converter.inference_input_type = converter.inference_output_type = tf.int8
    content = refine(_convert(converter), None if network.task == DOF else calibration.close_logit_range())
    as_int8 = _write(content, folder, f'{network.task}_int8.tflite', network.kind)
    on_cpu = tuple(str(operator) for operator in check_model(content, as_int8.file).on_cpu)
    return replace(manifest, models={'float': as_float, 'int8': as_int8}, cpu_operators=on_cpu)


def _frozen(network: TaskNetwork) -> Any:
    """The graph with its weights as constants, and inputs and outputs in the order of `GRAPH_INPUTS` and so on."""
    shapes = {tensor.name: tensor.shape for tensor in network.graph.inputs}
    names = GRAPH_INPUTS[network.kind]

    signature = [tf.TensorSpec(shapes[name], tf.float32, name=name) for name in names]

    def run(*inputs: tf.Tensor) -> tuple[tf.Tensor, ...]:
        outputs = network.graph(dict(zip(names, inputs)))
        return tuple(outputs[name] for name in GRAPH_OUTPUTS[network.kind])

    function = tf.function(run, input_signature=signature, autograph=False)
    return convert_variables_to_constants_v2(function.get_concrete_function())


def _converter(frozen: Any) -> tf.lite.TFLiteConverter:
    with _quiet():
        return tf.lite.TFLiteConverter.from_concrete_functions([frozen])


def _convert(converter: tf.lite.TFLiteConverter) -> bytes:
    with _quiet():
        content: bytes = converter.convert()
        return content


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the converter's output, of Python and native code, off the terminal. An error carries it as a note."""
    verbosity, terminal = logging.get_verbosity(), os.dup(2)
    with tempfile.TemporaryFile() as output, warnings.catch_warnings():
        warnings.simplefilter('ignore')
        logging.set_verbosity(logging.ERROR)
        os.dup2(output.fileno(), 2)
        try:
            yield
        except Exception as error:
            output.seek(0)
            error.add_note(output.read().decode(errors='replace'))
            raise
        finally:
            os.dup2(terminal, 2)
            os.close(terminal)
            logging.set_verbosity(verbosity)


def _write(content: bytes, folder: Path, name: str, kind: str) -> ModelFile:
    (folder / name).write_bytes(content)
    return model_file(content, name, kind)

"""Keras graph to TFLite, as float and as full int8."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from grasp_decoder.bundle.backends import Engine, Model, open_cpu
from grasp_decoder.bundle.edge_tpu import check_model
from grasp_decoder.bundle.manifest import ModelFile, TaskManifest
from grasp_decoder.bundle.task_network import GRAPH_INPUTS, GRAPH_OUTPUTS, RECURRENT, TaskNetwork
from grasp_decoder.bundle.task_runner import make_runner
from grasp_decoder.bundle.tflite_file import describe

if TYPE_CHECKING:
    from grasp_decoder.features.trial_bins import TrialBins

CALIBRATION_TRIALS = 60
CALIBRATION_STEPS = 1000


def convert(network: TaskNetwork, train: Sequence[TrialBins], folder: Path) -> TaskManifest:
    """Write ``TASK_float.tflite`` and ``TASK_int8.tflite`` into ``folder``; give the task's part of the manifest.

    The int8 model takes and gives int8 and is calibrated on what the float model meets in a random choice of the
    training trials, so that a recurrent network is calibrated on states that it really reaches.
    """
    frozen = _frozen(network)
    as_float = _write(_converter(frozen).convert(), folder, f'{network.task}_float.tflite', network.kind)
    manifest = TaskManifest(
        model=network.model,
        kind=network.kind,
        look_back=network.look_back,
        lut=tuple(float(feature) for feature in network.lut),
        temperature=float(network.temperature),
        models={'float': as_float},
        state_size=as_float.inputs[1].shape[-1] if network.kind == RECURRENT else 0,
    )
    met = _met_inputs(network, manifest, folder, train)
    converter = _converter(frozen)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: iter(met)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    # One scale per weight matrix: the Edge TPU's compiler is older than scales per row of fully connected layers.
    converter._experimental_disable_per_channel_quantization_for_dense_layers = True
    converter.inference_input_type = converter.inference_output_type = tf.int8
    content = converter.convert()
    as_int8 = _write(content, folder, f'{network.task}_int8.tflite', network.kind)
    on_cpu = tuple(str(operator) for operator in check_model(content, as_int8.file).on_cpu)
    return replace(manifest, models={'float': as_float, 'int8': as_int8}, cpu_operators=on_cpu)


def _frozen(network: TaskNetwork) -> Any:
    """The graph with its weights as constants, inputs and outputs in the order of the contract."""
    shapes = {tensor.name: tensor.shape for tensor in network.graph.inputs}
    names = GRAPH_INPUTS[network.kind]

    @tf.function(input_signature=[tf.TensorSpec(shapes[name], tf.float32, name=name) for name in names], autograph=False)
    def run(*inputs):
        outputs = network.graph(dict(zip(names, inputs)))
        return tuple(outputs[name] for name in GRAPH_OUTPUTS[network.kind])

    return convert_variables_to_constants_v2(run.get_concrete_function())


def _converter(frozen: Any) -> tf.lite.TFLiteConverter:
    return tf.lite.TFLiteConverter.from_concrete_functions([frozen])


def _write(content: bytes, folder: Path, name: str, kind: str) -> ModelFile:
    (folder / name).write_bytes(content)
    return describe(content, name, kind)


def _met_inputs(network: TaskNetwork, manifest: TaskManifest, folder: Path,
                train: Sequence[TrialBins]) -> list[list[np.ndarray]]:
    """Inputs of the float model at random bins of random training trials."""
    rng = np.random.default_rng(0)
    content = (folder / manifest.models['float'].file).read_bytes()
    recorder = _Recorder(open_cpu(Model(f'{network.task} model', content)))
    runner = make_runner(network.task, manifest, manifest.models['float'], recorder)
    for index in rng.permutation(len(train))[:CALIBRATION_TRIALS]:
        runner.reset()
        for counts in train[index].counts:
            runner.step(counts)
    chosen = rng.permutation(len(recorder.met))[:CALIBRATION_STEPS]
    return [recorder.met[index] for index in sorted(chosen)]


class _Recorder:
    """An engine that keeps what it was run on."""

    def __init__(self, engine: Engine):
        self._engine = engine
        self.description = engine.description
        self.met: list[list[np.ndarray]] = []

    def run(self, inputs: Sequence[np.ndarray], outputs: Sequence[np.ndarray]) -> None:
        self.met.append([values.copy() for values in inputs])
        self._engine.run(inputs, outputs)

# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""The manifest of a bundle: what it decodes, from which trials it learnt, and the hash of every file."""

from __future__ import annotations

import json
import math
import sys
import types
import typing
from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, field, fields, is_dataclass
from typing import Any, NoReturn

import numpy as np

from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.evidence import EvidenceRule
from grasp_decoder.recording.session import Unit
from grasp_decoder.types.time import NS_PER_S

SCHEMA_VERSION = 3


@dataclass(frozen=True)
class SourceSession:
    """A session that the bundle was trained on.

    Attributes:
        name: name of the session.
        sha256: hash of its file (``Session.source_sha256``).
        train, validation, test: the trials of each set, as ``Trial.id``. A trial in no set was not used.
    """

    name: str
    sha256: str
    train: tuple[int, ...]
    validation: tuple[int, ...]
    test: tuple[int, ...]


@dataclass(frozen=True)
class Tensor:
    """An input or output of a model.

    Attributes:
        name: its role in the graph (`GRAPH_INPUTS`, `GRAPH_OUTPUTS`).
        shape: its static shape, batch dimension included.
        scale, zero_point: real value = scale * (int8 value - zero_point). A float32 tensor has scale 0.
    """

    name: str
    shape: tuple[int, ...]
    scale: float = 0.0
    zero_point: int = 0


@dataclass(frozen=True)
class ModelFile:
    """A TFLite file of the bundle. Inputs and outputs are in the order that the file has them."""

    file: str
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]


@dataclass(frozen=True)
class Parity:
    """How closely the int8 model follows the float model, over every bin of the validation trials.

    Attributes:
        bins: number of bins compared.
        agreement: fraction of bins in which both models give the same class; 1 for dof.
        confident_agreement: the same, of those bins only in which the float model's two highest probabilities differ
            by more than 0.05; 1 for dof.
        mean_difference, max_difference: absolute difference between the outputs of the two models.
        float_score, int8_score: accuracy over all bins (phase), accuracy over the bins of the hold phase (object) or
            coefficient of determination R2 (dof).
    """

    bins: int
    agreement: float
    confident_agreement: float
    mean_difference: float
    max_difference: float
    float_score: float
    int8_score: float


@dataclass(frozen=True)
class TaskManifest:
    """One task: its network, and the files that hold it.

    Attributes:
        model: name of the model family.
        kind: ``window`` or ``recurrent``.
        look_back: bins in one window; 1 for a recurrent network.
        lut: feature of each count from 0 to 255.
        temperature: logits are divided by it before the softmax.
        models: the files, by ``float``, ``int8`` and, if it was compiled, ``edgetpu``.
        state_size: values in the state of a recurrent network; 0 for a window network.
        latents: values of a bin that the graph takes from the task's read-in; None: it takes the features of all units.
        parity: how closely int8 follows float; None until it was measured.
        cpu_operators: operators of the int8 model that an Edge TPU would leave to the CPU.
    """

    model: str
    kind: str
    look_back: int
    lut: tuple[float, ...]
    temperature: float
    models: dict[str, ModelFile]
    state_size: int = 0
    latents: int | None = None
    parity: Parity | None = None
    cpu_operators: tuple[str, ...] = ()


@dataclass(frozen=True)
class SelfReset:
    """When the decoder clears its state by itself, since an endless segment has no trials that would.

    Attributes:
        grasp_bins: a grasp is this many bins of GRASP in a row, or more.
        rest_bins: after a grasp, this many bins of REST in a row clear the state.
    """

    grasp_bins: int
    rest_bins: int


@dataclass(frozen=True)
class Movement:
    """The recorded signal that the task ``dof`` decodes, where it is not the aperture of the hand.

    Attributes:
        signal: name of the signal in the recording.
        velocity: whether its rate of change per second is decoded instead of its value.
        low, high: what 0 and 1 of the network stand for; one number per channel, in the unit of the recording.
    """

    signal: str
    velocity: bool
    low: tuple[float, ...]
    high: tuple[float, ...]


@dataclass(frozen=True)
class Thresholds:
    """Decision thresholds, as probabilities.

    Attributes:
        grasp: the phase is GRASP if the probability of GRASP is at least this.
        confidence: an object may be acted on if its probability is at least this.
    """

    grasp: float = 0.5
    confidence: float = 0.5


@dataclass(frozen=True)
class Manifest:
    """Everything that a bundle says about itself; the fields are the keys of ``manifest.json``.

    Attributes:
        name: name of the bundle.
        created: ISO 8601 time of the training.
        package_version: version of grasp_decoder that wrote it.
        sessions: what it was trained on.
        units: the units that it decodes, in the order of its inputs.
        bin_s: bin width, s.
        look_back: bins in the windows that training and the report use.
        classes: object ids after merging, ascending; the order of the object model's outputs.
        labels: names of the classes.
        merge: recorded object id -> class.
        thresholds: decision thresholds.
        self_reset: when the state is cleared within an endless segment; None for never.
        final: whether the networks were refitted on all trials, test trials included.
        tasks: task -> its network and files.
        metrics: scores of the report, plain data.
        edge_ready: whether every operator maps to the Edge TPU and int8 decodes like float; set at export.
        edge_issues: why not, one line each.
        files: name of every other file of the bundle -> its SHA-256.
        started_from: id of the bundle that training started from (`Bundle.id`); None for none.
        movement: what the task ``dof`` decodes; None for the aperture.
        evidence: how evidence about the object is counted when the hand is controlled; None: nothing was fitted.
        schema_version: version of this layout.
    """

    name: str
    created: str
    package_version: str
    sessions: tuple[SourceSession, ...]
    units: tuple[Unit, ...]
    bin_s: float
    look_back: int
    classes: tuple[int, ...]
    labels: tuple[str, ...]
    merge: dict[int, int] = field(default_factory=dict)
    thresholds: Thresholds = Thresholds()
    self_reset: SelfReset | None = None
    final: bool = False
    tasks: dict[str, TaskManifest] = field(default_factory=dict)
    metrics: dict[str, Any] = field(default_factory=dict)
    edge_ready: bool = False
    edge_issues: tuple[str, ...] = ()
    files: dict[str, str] = field(default_factory=dict)
    started_from: str | None = None
    movement: Movement | None = None
    evidence: EvidenceRule | None = None
    schema_version: int = SCHEMA_VERSION

    @property
    def bin_ns(self) -> int:
        return round(self.bin_s * NS_PER_S)

    @property
    def unit_count(self) -> int:
        return len(self.units)

    def held_out_trials(self, session_sha256: str) -> tuple[int, ...] | None:
        """Ids of the test trials of the session with that hash; None if the bundle was not trained on the session."""
        for session in self.sessions:
            if session.sha256 == session_sha256:
                return session.test
        return None

    def to_json(self) -> str:
        return json.dumps(_finite(asdict(self)), indent=1, allow_nan=False) + '\n'

    @classmethod
    def from_json(cls, text: str, source: str) -> Manifest:
        """Parse and check the text of a manifest.

        Args:
            text: content of the file.
            source: path of the file, for messages.

        Raises:
            GraspDecoderError: the text is not JSON, has another schema version, or a field is missing, unknown or of
                another type.
        """
        try:
            document = json.loads(text, parse_constant=_no_number)
        except (ValueError, RecursionError) as error:
            raise GraspDecoderError(f'{source} is not JSON ({error}); train the bundle again') from error
        version = document.get('schema_version') if isinstance(document, dict) else None
        if isinstance(version, int) and version > SCHEMA_VERSION:
            raise GraspDecoderError(
                f'{source} has schema version {version}, this grasp_decoder reads up to '
                f'{SCHEMA_VERSION}; update grasp_decoder'
            )
        if version != SCHEMA_VERSION:
            raise GraspDecoderError(
                f'{source} has schema version {version}, not {SCHEMA_VERSION}; train the bundle again'
            )
        manifest: Manifest = _parse_dataclass(cls, document, source)
        return manifest


def _finite(value: Any) -> Any:
    """``value`` in plain Python types; a number that JSON cannot hold becomes None."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return value


def _no_number(name: str) -> NoReturn:
    raise ValueError(f'{name} is no number')


def _parse(kind: Any, value: Any, where: str) -> Any:
    """``value``, parsed from JSON, as the type ``kind``."""
    if kind is Any:
        return value
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is types.UnionType:
        return None if value is None else _parse(arguments[0], value, where)
    if isinstance(kind, type) and is_dataclass(kind) and isinstance(value, dict):
        return _parse_dataclass(kind, value, where)
    if origin is tuple and isinstance(value, list):
        return tuple(_parse(arguments[0], item, where) for item in value)
    if origin is dict and isinstance(value, dict):
        try:
            return {arguments[0](key): _parse(arguments[1], item, f'{where} {key}') for key, item in value.items()}
        except ValueError as error:
            raise GraspDecoderError(f'{where}: {error}; train the bundle again') from error
    if kind is float and type(value) in (int, float) and abs(value) < sys.float_info.max:  # 1e999 is infinity
        return float(value)
    if type(value) is kind and kind is not float:
        return value
    raise GraspDecoderError(
        f'{where}: {value!r} is not of type {getattr(kind, "__name__", kind)}; train the bundle again'
    )


def _parse_dataclass(kind: type[Any], value: dict[str, Any], where: str) -> Any:
    types_of_fields = typing.get_type_hints(kind)
    names = {item.name for item in fields(kind)}
    needed = {item.name for item in fields(kind) if item.default is item.default_factory is MISSING}
    if not needed <= value.keys() <= names:
        odd = sorted((needed - value.keys()) | (value.keys() - names))
        raise GraspDecoderError(f'{where}: fields {", ".join(odd)} are missing or unknown; train the bundle again')
    return kind(**{name: _parse(types_of_fields[name], value[name], f'{where} {name}') for name in value})

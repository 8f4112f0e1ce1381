"""The manifest of a bundle: what it decodes, from which trials it learnt, and the hash of every file."""

from __future__ import annotations

import json
import math
import types
import typing
from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, field, fields, is_dataclass
from typing import Any

import numpy as np

from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.recording.session import Unit
from grasp_decoder.types.time import NS_PER_S

SCHEMA_VERSION = 1


@dataclass(frozen=True)
class SourceSession:
    """A session that the bundle learnt from; trials are positions in its file (``Trial.id``).

    ``sha256`` is the hash of the file (``Session.source_sha256``). Trials in none of the three sets were left out.
    """

    name: str
    sha256: str
    train: tuple[int, ...]
    validation: tuple[int, ...]
    test: tuple[int, ...]


@dataclass(frozen=True)
class Tensor:
    """An input or output of a model: real value = scale * (int8 value - zero_point); a float tensor has scale 0."""

    name: str
    shape: tuple[int, ...]
    scale: float = 0.0
    zero_point: int = 0


@dataclass(frozen=True)
class ModelFile:
    """A TFLite file of the bundle with its inputs and outputs, in the file's order."""

    file: str
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]


@dataclass(frozen=True)
class Parity:
    """How closely the int8 model follows the float one on the validation trials, every bin of them.

    ``agreement`` is the fraction of bins with the same class, ``confident_agreement`` that among the bins where the
    float model's best two probabilities differ by more than 0.05 (both 1 for dof). Scores are accuracies (phase: all
    bins; object: bins of the hold phase) or R2 (dof).
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
    """One task: its network and the files that hold it.

    ``models`` has the keys ``float``, ``int8`` and, when it was compiled, ``edgetpu``. ``lut`` is the feature of each
    count, 256 entries. ``cpu_operators`` are the operators of the int8 model that an Edge TPU would leave to the CPU.
    """

    model: str
    kind: str
    look_back: int
    lut: tuple[float, ...]
    temperature: float
    models: dict[str, ModelFile]
    state_size: int = 0
    parity: Parity | None = None
    cpu_operators: tuple[str, ...] = ()


@dataclass(frozen=True)
class SelfReset:
    """When the decoder clears its state by itself within an endless segment.

    After at least ``grasp_bins`` bins of GRASP in a row, the ``rest_bins``-th bin of REST in a row clears it.
    """

    grasp_bins: int
    rest_bins: int


@dataclass(frozen=True)
class Movement:
    """What the task ``dof`` decodes in place of an aperture: a continuous signal of the recording.

    ``signal`` is its name and ``velocity`` says whether its rate of change per second was taken; ``low`` and ``high``
    (one number per channel, in the recording's own unit) are what 0 and 1 of the network stand for.
    """

    signal: str
    velocity: bool
    low: tuple[float, ...]
    high: tuple[float, ...]


@dataclass(frozen=True)
class Thresholds:
    """Decision thresholds, as probabilities.

    ``grasp``: the phase is GRASP from this probability of GRASP on; ``confidence``: an object is certain enough to act
    on.
    """

    grasp: float = 0.5
    confidence: float = 0.5


@dataclass(frozen=True)
class Manifest:
    """Everything a bundle says about itself; field names are the keys of ``manifest.json``.

    ``classes`` are merged object ids, ascending, in the order of the object model's outputs, ``labels`` their names and
    ``merge`` the map of recorded ids to them. ``final`` says that the networks were refitted on all trials,
    ``started_from`` from which bundle of another day (`Bundle.id`) training went on. Without ``movement`` the task
    ``dof`` is the aperture.
    ``edge_ready`` is set at export only, when every operator maps to the Edge TPU and parity holds; ``edge_issues``
    says what did not.
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
    schema_version: int = SCHEMA_VERSION

    @property
    def bin_ns(self) -> int:
        return round(self.bin_s * NS_PER_S)

    @property
    def unit_count(self) -> int:
        return len(self.units)

    def held_out_trials(self, session_sha256: str) -> tuple[int, ...] | None:
        """Ids of the trials of that session that training kept for testing; None for a session it never saw."""
        for session in self.sessions:
            if session.sha256 == session_sha256:
                return session.test
        return None

    def to_json(self) -> str:
        return json.dumps(_finite(asdict(self)), indent=1, allow_nan=False) + '\n'

    @classmethod
    def from_json(cls, text: str, source: str) -> Manifest:
        """Parse and check the text of ``source`` (a path, for messages).

        Raises:
            GraspDecoderError: not JSON, another schema, a field missing, unknown or of another type.
        """
        try:
            document = json.loads(text)
        except ValueError as error:
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
        return _parse(cls, document, source)


def _finite(value: Any) -> Any:
    """``value`` in plain Python types, with None for numbers that JSON cannot hold."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return value


def _parse(kind: Any, value: Any, where: str) -> Any:
    """``value``, parsed from JSON, as the type ``kind``."""
    if kind is Any:
        return value
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is types.UnionType:
        return None if value is None else _parse(arguments[0], value, where)
    if is_dataclass(kind) and isinstance(value, dict):
        return _parse_dataclass(kind, value, where)
    if origin is tuple and isinstance(value, list):
        return tuple(_parse(arguments[0], item, where) for item in value)
    if origin is dict and isinstance(value, dict):
        try:
            return {arguments[0](key): _parse(arguments[1], item, f'{where} {key}') for key, item in value.items()}
        except ValueError as error:
            raise GraspDecoderError(f'{where}: {error}; train the bundle again') from error
    if kind is float and type(value) in (int, float):
        return float(value)
    if type(value) is kind:
        return value
    raise GraspDecoderError(
        f'{where}: {value!r} is not of type {getattr(kind, "__name__", kind)}; train the bundle again'
    )


def _parse_dataclass(kind: type, value: dict, where: str) -> Any:
    types_of_fields = typing.get_type_hints(kind)
    names = {item.name for item in fields(kind)}
    needed = {item.name for item in fields(kind) if item.default is item.default_factory is MISSING}
    if not needed <= value.keys() <= names:
        odd = sorted((needed - value.keys()) | (value.keys() - names))
        raise GraspDecoderError(f'{where}: fields {", ".join(odd)} are missing or unknown; train the bundle again')
    return kind(**{name: _parse(types_of_fields[name], value[name], f'{where} {name}') for name in value})

"""The running system as plain data: which nodes start, with which parameters.

``launch/replay_decode.launch.py`` and the command line ``replay_decode`` both start what `describe` gives.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.hand.simulator import simulator_names
from grasp_decoder.share import share_directory

SOURCES = ('replay', 'live')
HANDS = ('none', *simulator_names(), 'ros')
SPLITS = ('all', 'test')
RECORDS = ('.npz', '.mcap')
# As fast as the decoder follows there is no latency to keep low: the longest batches are the fastest.
FULL_SPEED_BATCH_MS = 40.0


@dataclass(frozen=True)
class Run:
    """What a user asks for.

    Attributes:
        session: recording to replay; also what the result is scored by.
        bundle: folder that `train` wrote.
        source: ``replay``, or ``live``, which starts no replayer.
        hand: simulator of the hand; ``none`` starts no hand.
        speed: 1 is the speed of the recording, 0 as fast as the decoder follows.
        trials: how many trials to replay, from the first; 0 for all.
        only_correct: leave out trials that the recording marks as not correct.
        split: ``all`` trials, or only those that the bundle's training held out as ``test``.
        mapping: YAML that names the events and annotations of the recording, or nothing.
        objects: catalogue of objects, or nothing for the package's own.
        params_file: ROS 2 parameter file on top of ``config/``, or nothing.
        result: where the result is written as JSON, or nothing.
        record: ``.npz`` or ``.mcap`` file to keep the run in, or nothing.
    """

    session: str
    bundle: str
    source: str = 'replay'
    hand: str = 'mujoco'
    speed: float = 1.0
    trials: int = 0
    split: str = 'all'
    only_correct: bool = False
    mapping: str = ''
    objects: str = ''
    params_file: str = ''
    result: str = ''
    record: str = ''

    def __post_init__(self):
        for name, choices in (('source', SOURCES), ('hand', HANDS), ('split', SPLITS)):
            if getattr(self, name) not in choices:
                raise GraspDecoderError(f"{name} '{getattr(self, name)}' is not one of {', '.join(choices)}")
        if self.speed < 0 or self.trials < 0:
            raise GraspDecoderError('speed and trials cannot be negative')
        if self.record and not self.record.endswith(RECORDS):
            raise GraspDecoderError(f"a run is recorded as {' or '.join(RECORDS)}, not as '{self.record}'")


@dataclass(frozen=True)
class NodeDescription:
    """One node: its executable (which is also its name), its parameter files in order, and parameters on top."""

    executable: str
    parameter_files: tuple[str, ...]
    parameters: dict[str, object]


def describe(run: Run) -> list[NodeDescription]:
    """The nodes of a run, listeners before those who speak to them."""
    # Without one, a parameter file may name the catalogue.
    objects = {'objects': run.objects} if run.objects else {}
    selection = {
        'session': run.session,
        'mapping': run.mapping,
        'bundle': run.bundle,
        'split': run.split,
        'trials': run.trials,
        'only_correct': run.only_correct,
        **objects,
    }
    nodes: dict[str, dict[str, object]] = {'hand_bridge': {**objects}, 'decoder': {'bundle': run.bundle}}
    to_mcap = run.record.endswith('.mcap')
    if to_mcap:
        nodes = {'recorder': {'file': run.record}, **nodes}
    if run.hand != 'none':
        # At speed 0 there is no rhythm that a simulation could keep step with.
        nodes = {'simulated_hand': {'simulator': run.hand, 'speed': run.speed or 1.0, **objects}, **nodes}
    if run.source == 'replay':
        # The replayer waits for all who listen to spikes, and then for the monitor, which lets it go.
        listeners = 4 if to_mcap else 3
        pace = {'speed': run.speed} if run.speed else {'speed': 0.0, 'batch_ms': FULL_SPEED_BATCH_MS}
        nodes = {
            'run_monitor': {
                **selection,
                'hand': run.hand,
                'speed': run.speed,
                'listeners': listeners,
                'result': run.result,
                'record': '' if to_mcap else run.record,
            },
            **nodes,
            'spike_replayer': {**selection, **pace, 'start_paused': True, 'subscribers': listeners},
        }
    return [
        NodeDescription(name, _parameter_files(name, run.params_file), parameters) for name, parameters in nodes.items()
    ]


def _parameter_files(name: str, more: str) -> tuple[str, ...]:
    own = share_directory() / 'config' / f'{name}.yaml'
    return (str(own), *([str(Path(more).absolute())] if more else []))

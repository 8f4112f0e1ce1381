# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""The faults of the campaign: how each is made and undone."""

from __future__ import annotations

import multiprocessing
import os
import resource
import shutil
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from benchmark.fault_kind import TICK_S, Fault, Kind, Outcome, Since
from benchmark.fault_relay import Disturbance, SomeBatches, StandingClock, delay, drop, due_shifted, duplicate, reorder
from benchmark.fault_system import System
from grasp_decoder.control.fault_policies import FaultKind
from grasp_decoder.control.hand_watch import FeedbackSettings
from grasp_decoder.control.settings import ControlSettings
from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.system.interfaces import DECODED_GRASP, HAND_COMMAND, LOAD_BUNDLE, SPIKES, Topic
from grasp_decoder.types.time import NS_PER_S

PAUSE_LIMIT_S = ControlSettings().pause_timeout_s + TICK_S
HAND_LIMIT_S = FeedbackSettings().feedback_timeout_s + TICK_S
OBSERVERS = ('recorder', 'run_monitor')
COMES_UP_S = 20.0
DISCOVERED_S = 3.0
"""Long enough for a second node to be discovered by every other, also on a busy machine."""


def kinds() -> list[Kind]:
    """Every kind of fault, in the order of the table."""
    return [*_of_nodes(), *_of_batches(), *_of_clocks(), *_of_two(), *_of_the_machine(), *_of_bundles()]


# --- nodes


def _killed(name: str) -> Fault:
    def fault(system: System, rng: np.random.Generator) -> Iterator[int]:
        system.signal(name, signal.SIGKILL)
        yield time.monotonic_ns()
        system.end(name)
        system.start(name)

    return fault


def _frozen(name: str) -> Fault:
    def fault(system: System, rng: np.random.Generator) -> Iterator[int]:
        system.signal(name, signal.SIGSTOP)
        yield time.monotonic_ns()
        system.signal(name, signal.SIGCONT)

    return fault


def _restarted(name: str) -> Fault:
    def fault(system: System, rng: np.random.Generator) -> Iterator[int]:
        began_ns = time.monotonic_ns()
        system.signal(name, signal.SIGINT)
        system.end(name)
        system.start(name)
        yield began_ns

    return fault


def _observed(name: str, fault: Fault) -> Fault:
    """The fault of a node that only listens, which is started for it and ended after it."""

    def whole(system: System, rng: np.random.Generator) -> Iterator[int]:
        before = system.endpoints(HAND_COMMAND)
        system.start(name)
        if not system.until(lambda: bool(system.endpoints(HAND_COMMAND) - before), COMES_UP_S):
            raise GraspDecoderError(f'{name} did not come up')
        yield from fault(system, rng)
        system.signal(name, signal.SIGKILL)
        system.end(name)

    return whole


def _of_nodes() -> Iterator[Kind]:
    reports = {
        'spike_replayer': 'spikes stopped|lost data|clock',
        'decoder': 'decoder stopped|lost data|clock|late',
        # A dead bridge says nothing itself: its successor, or the hand's own time-out, does.
        'hand_bridge': 'no joint targets|hand_bridge|no decoder',
        'simulated_hand': 'the hand has said nothing',
    }
    for name, pattern in reports.items():
        limits = {
            'hand_bridge': {'since': Since.LAST_TARGET, 'limit_s': 0.0, 'cause': FaultKind.ENDING},
            'simulated_hand': {'limit_s': HAND_LIMIT_S, 'cause': FaultKind.HAND, 'hand_is_silent': True},
        }.get(name, {'since': Since.LAST_DECODE})
        for verb, make in (('killed', _killed), ('frozen', _frozen), ('restarted', _restarted)):
            yield Kind(f'{name} {verb}', make(name), reports=pattern, **limits)
        if name != 'simulated_hand':
            yield Kind(f'{name} frozen briefly', _frozen(name), reports=pattern, lasts_s=0.3, **limits)
    for name in OBSERVERS:
        for verb, make in (('killed', _killed), ('frozen', _frozen), ('restarted', _restarted)):
            yield Kind(f'{name} {verb}', _observed(name, make(name)), Outcome.GOES_ON)


# --- batches


def _disturbed(disturbance: Disturbance, rate: float) -> Fault:
    def fault(system: System, rng: np.random.Generator) -> Iterator[int]:
        some = system.relay.disturbance = SomeBatches(disturbance, rate, rng)
        system.until(lambda: some.count > 0, 1.0)
        yield time.monotonic_ns()
        system.relay.disturbance = None

    return fault


def _of_batches() -> Iterator[Kind]:
    for rate in (0.001, 0.01, 0.1):
        percent = f'{100 * rate:g} % of batches'
        lost = {'reports': 'lost data', 'cause': FaultKind.LOST_DATA, 'since': Since.SOURCE}
        yield Kind(f'{percent} dropped', _disturbed(drop, rate), **lost)
        yield Kind(f'{percent} delayed', _disturbed(delay, rate), **lost)
        yield Kind(
            f'{percent} duplicated', _disturbed(duplicate, rate), Outcome.GOES_ON, 'decoder: spikes: duplicate batches'
        )
        yield Kind(
            f'{percent} reordered', _disturbed(reorder, rate), Outcome.GOES_ON, 'decoder: spikes: reordered batches'
        )


# --- clocks


def _stepped(step_s: float) -> Fault:
    def fault(system: System, rng: np.random.Generator) -> Iterator[int]:
        # It is not stepped back: that would be a fault more.
        system.relay.clock_step_ns += round(step_s * NS_PER_S)
        yield time.monotonic_ns()

    return fault


def _with(make: Callable[[], Disturbance]) -> Fault:
    def fault(system: System, rng: np.random.Generator) -> Iterator[int]:
        system.relay.disturbance = make()
        yield time.monotonic_ns()
        system.relay.disturbance = None

    return fault


def _of_clocks() -> Iterator[Kind]:
    stepped = {'reports': 'clock|lost data', 'cause': FaultKind.CLOCK, 'since': Since.SOURCE}
    for step_s in (0.5, -0.5, 3600.0, -3600.0):
        yield Kind(f'acquisition clock steps {step_s:+g} s', _stepped(step_s), **stepped)
    yield Kind(
        'acquisition clock stands still',
        _with(StandingClock),
        reports='paused',
        since=Since.LAST_DECODE,
        limit_s=PAUSE_LIMIT_S,
    )
    for shift_s, pattern in ((10.0, 'due .* in the future'), (-10.0, 'late')):
        shifted = _with(lambda shift_s=shift_s: due_shifted(round(shift_s * NS_PER_S)))
        yield Kind(
            f"source's CLOCK_MONOTONIC {shift_s:+g} s",
            shifted,
            reports=pattern,
            since=Since.SOURCE,
            cause=FaultKind.LATE,
        )


# --- two of a kind


def _two(name: str, topic: Topic, speaks: Callable[[System], bool] = lambda system: True) -> Fault:
    """A second node of a kind; the fault begins when it is connected to ``topic`` and ``speaks`` to hand_bridge.

    Before that it can do nothing: DDS takes up to seconds to connect two nodes, each pair by itself.
    """

    def fault(system: System, rng: np.random.Generator) -> Iterator[int]:
        second = f'second_{name}'
        before = system.endpoints(topic)
        system.start(name, second)
        if not system.until(lambda: bool(system.endpoints(topic) - before) and speaks(system), COMES_UP_S):
            raise GraspDecoderError(f'a second {name} did not come up')
        yield time.monotonic_ns()
        system.signal(second, signal.SIGINT)
        system.end(second)

    return fault


def _twice(stamps_ns: Sequence[int]) -> bool:
    return len(set(stamps_ns)) < len(stamps_ns)


def _commands_twice(system: System) -> bool:
    """Whether two bridges answer one decode, or one bridge the decodes of two decoders."""
    return _twice([command.stamp_ns for command in system.heard.commands[-50:] if command.due_ns])


def _two_bridges(system: System, rng: np.random.Generator) -> Iterator[int]:
    """A second bridge of this machine is refused, before it says a word."""
    second = 'second_hand_bridge'
    system.start('hand_bridge', second)
    if not system.until(lambda: system.has_ended(second), COMES_UP_S):
        raise GraspDecoderError('a second hand_bridge was not refused')
    yield time.monotonic_ns()
    system.end(second)


def _of_two() -> Iterator[Kind]:
    yield Kind(
        'two sources',
        _two('spike_replayer', SPIKES, lambda system: len(system.heard.sources) > 1),
        Outcome.GOES_ON,
        'batches of another source',
        lasts_s=DISCOVERED_S,
    )
    yield Kind(
        'two decoders',
        _two('decoder', DECODED_GRASP, _commands_twice),
        reports='another decoder',
        cause=FaultKind.EXCHANGE,
        lasts_s=DISCOVERED_S,
    )
    yield Kind(
        'two hand_bridges',
        _two_bridges,
        Outcome.GOES_ON,
        reports='another hand_bridge',
        lasts_s=DISCOVERED_S,
    )


# --- the machine


def _spin(stop_at: float) -> None:
    while time.monotonic() < stop_at:
        pass


def busy(seconds: float, count: int) -> list[multiprocessing.process.BaseProcess]:
    """Processes that keep CPUs busy for so long."""
    context = multiprocessing.get_context('spawn')
    processes = [context.Process(target=_spin, args=(time.monotonic() + seconds,), daemon=True) for _ in range(count)]
    for process in processes:
        process.start()
    return processes


def _loaded(system: System, rng: np.random.Generator) -> Iterator[int]:
    processes = busy(4.0, 2 * (os.cpu_count() or 1))
    yield time.monotonic_ns()
    for process in processes:
        process.kill()
        process.join()


def _full_disk(system: System, rng: np.random.Generator) -> Iterator[int]:
    """The recorder's file may not grow: with a limit of the process, since a full disk would be everybody's."""
    resource.prlimit(system.pid('recorder'), resource.RLIMIT_FSIZE, (1 << 12, 1 << 12))
    yield time.monotonic_ns()


def _of_the_machine() -> Iterator[Kind]:
    yield Kind('twice as many busy processes as CPUs', _loaded, Outcome.EITHER, lasts_s=3.0)
    yield Kind(
        'disk full while recording',
        _observed('recorder', _full_disk),
        Outcome.GOES_ON,
        'cannot be recorded',
        lasts_s=3.0,
    )


# --- bundles


def _moved_away(bundle: Path) -> Path:
    return bundle.with_name(f'{bundle.name}_away')


def _bundle_removed(system: System, rng: np.random.Generator) -> Iterator[int]:
    system.bundle.rename(_moved_away(system.bundle))
    yield time.monotonic_ns()
    _moved_away(system.bundle).rename(system.bundle)


def _decoder_without_bundle(system: System, rng: np.random.Generator) -> Iterator[int]:
    system.bundle.rename(_moved_away(system.bundle))
    system.signal('decoder', signal.SIGKILL)
    yield time.monotonic_ns()
    system.end('decoder')
    system.start('decoder')
    system.until(lambda: system.has_ended('decoder'), COMES_UP_S)
    system.end('decoder')
    _moved_away(system.bundle).rename(system.bundle)
    system.start('decoder')


def _bundle_exchanged(system: System, rng: np.random.Generator) -> Iterator[int]:
    before = len(system.heard.bundles)
    bundles = sorted(path for path in system.bundle.parent.iterdir() if (path / 'manifest.json').exists())
    system.bundle = bundles[(bundles.index(system.bundle) + 1) % len(bundles)]
    answer = system.call(LOAD_BUNDLE, bundle=str(system.bundle))
    if answer is None or not answer.success:
        raise GraspDecoderError(f'the bundle was not exchanged: {answer and answer.message}')
    if not system.until(lambda: len(system.heard.bundles) > before, COMES_UP_S):
        raise GraspDecoderError('the decoder did not say that it has another bundle')
    yield system.heard.bundles[-1]


def _bundle_damaged(system: System, rng: np.random.Generator) -> Iterator[int]:
    # Beside the running one, where a bundle has to lie, but not among those that are exchanged for it.
    damaged = system.bundle.parent / 'damaged' / 'bundle'
    shutil.rmtree(damaged, ignore_errors=True)
    shutil.copytree(system.bundle, damaged)
    with open(damaged / 'phase_int8.tflite', 'ab') as model:
        model.write(b'x')
    began_ns = time.monotonic_ns()
    answer = system.call(LOAD_BUNDLE, bundle=str(damaged))
    if answer is None or answer.success:
        raise GraspDecoderError('the decoder took a damaged bundle')
    yield began_ns


def _of_bundles() -> Iterator[Kind]:
    yield Kind('bundle removed', _bundle_removed, Outcome.GOES_ON)
    yield Kind(
        'bundle removed, decoder killed', _decoder_without_bundle, reports='decoder stopped', since=Since.LAST_DECODE
    )
    yield Kind(
        'bundle exchanged',
        _bundle_exchanged,
        reports='a new decoder started|a decode of bundle',
        cause=FaultKind.EXCHANGE,
    )
    yield Kind('damaged bundle', _bundle_damaged, Outcome.GOES_ON, 'bundle not exchanged')

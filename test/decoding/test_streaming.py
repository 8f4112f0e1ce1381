# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""StreamingDecoder: online equals offline, whatever the batches; bundles are exchanged without a trace."""

from dataclasses import dataclass, replace
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grasp_decoder.bundle.engines.bundle_engines import EngineOptions
from grasp_decoder.bundle.manifest import Movement, SelfReset, Thresholds
from grasp_decoder.decoding import live_decoder
from grasp_decoder.decoding.bin_decoder import BinDecoder
from grasp_decoder.decoding.streaming import StreamingDecoder
from grasp_decoder.decoding.warm_up import WarmUpDecoder, warm_up_decoder
from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.features.input_statistics import InputStatistics
from grasp_decoder.features.unit_model import UnitModel
from grasp_decoder.recording.batches import batches
from grasp_decoder.recording.session import Session, Trial, Unit
from grasp_decoder.types.decoded_grasp import GRASP, REST, VALIDITY_LIMIT

MS = 1_000_000
UNITS = 4
BIN_NS = 40 * MS


class SumRunner:
    """A recurrent decoder that can be followed by hand: the share of unit 1 among all spikes since the reset."""

    def __init__(self, n, scale):
        self._n = n
        self._scale = scale
        self.reset()

    def reset(self):
        self._seen = np.zeros(UNITS)

    def step(self, counts, roots=None):
        self._seen += counts if roots is None else np.square(roots)
        share = np.float32(self._scale * self._seen[1] / max(1, self._seen.sum()))
        if self._n == 1:
            return np.array([share], np.float32)
        return np.array([1 - share] + [share / (self._n - 1)] * (self._n - 1), np.float32)


@dataclass
class HandMadeEngines:
    """What `StreamingDecoder` uses of `BundleEngines` and their bundle, with `SumRunner` as every network."""

    scale: float = 1.0
    tasks: tuple = ('phase', 'object', 'dof')
    self_reset: SelfReset | None = None
    movement: Movement | None = None
    unit_count: int = UNITS
    bin_ns: int = BIN_NS
    path: str = 'B'
    backend: str = 'cpu (sum)'
    artefact_count: float = 1e6
    novelty_model: None = None
    usual_rate: float = 0.0  # nothing is expected, so nothing is repaired

    @property
    def bundle(self):
        return self

    sha256 = 64 * 'b'

    @property
    def input_statistics(self):
        rate = np.full(self.unit_count, self.usual_rate, np.float32)
        silence, most = np.full_like(rate, 50, int), np.full_like(rate, 900, int)
        return InputStatistics(rate, silence, silence, most, 0.8, 1.2, 0.9, 0.8, self.artefact_count)

    @property
    def unit_model(self):
        ones = np.ones(self.unit_count, np.float32)
        return UnitModel(np.sqrt(self.usual_rate) * ones, ones[:, None], ones)

    @property
    def backends(self):
        return dict.fromkeys(self.tasks, self.backend)

    @property
    def manifest(self):
        networks = {task: SimpleNamespace(kind='recurrent') for task in self.tasks}
        return SimpleNamespace(
            tasks=networks,
            classes=(21, 33, 46),
            thresholds=Thresholds(grasp=0.4),
            self_reset=self.self_reset,
            unit_count=self.unit_count,
            bin_ns=self.bin_ns,
            movement=self.movement,
        )

    @property
    def read_ins(self):
        return {}

    def runner(self, task, read_in=None):
        return SumRunner({'phase': 2, 'object': 3, 'dof': 1}[task], self.scale)

    def require_unit_count(self, unit_count, source):
        if unit_count != self.unit_count:
            raise GraspDecoderError(f'{source} has {unit_count} units')


def session(seed, trial_count=3):
    rng = np.random.default_rng(seed)
    trials, start = [], 0
    for number in range(trial_count):
        stop = start + int(rng.integers(100, 700)) * MS
        times = np.sort(rng.integers(start, stop, 60))
        trials.append(Trial(number, start, stop, {}, 21, True, times, rng.integers(0, UNITS, 60).astype(np.uint16)))
        start = stop + 50 * MS
    return Session('s', tuple(Unit(i) for i in range(UNITS)), tuple(trials))


def decode(stream, engines=None, **options):
    decoder = StreamingDecoder(engines or HandMadeEngines(), **options)
    return [decode for batch in stream for decode in decoder.push(batch)]


def outputs(decodes):
    """All that does not depend on when it was computed."""
    return [
        (
            each.segment,
            each.bin,
            each.stamp_ns,
            each.phase,
            each.phase_probability,
            each.object_id,
            each.object_probability.tolist(),
            each.confidence,
            each.aperture,
        )
        for each in decodes
    ]


@given(st.integers(0, 1000), st.integers(1, 97), st.integers(1, 97))
def test_batch_length_changes_nothing(seed, period_ms, other_period_ms):
    played = session(seed)
    decodes = decode(batches(played, period_ms * MS))
    assert outputs(decodes) == outputs(decode(batches(played, other_period_ms * MS)))
    assert len(decodes) == sum((trial.stop_ns - trial.start_ns) // BIN_NS for trial in played.trials)


def test_fields_by_hand():
    trial = Trial(7, 0, 80 * MS, {}, 33, True, np.array([1, 41, 42]) * MS, np.array([0, 1, 1], np.uint16))
    played = Session('s', tuple(Unit(i) for i in range(UNITS)), (trial,))
    first, second = decode(replace(batch, due_ns=5) for batch in batches(played, 40 * MS))
    assert (first.stamp_ns, first.segment, first.bin, first.phase, first.object_id) == (40 * MS, 0, 0, REST, 21)
    assert (second.stamp_ns, second.bin, second.phase) == (80 * MS, 1, GRASP)
    share = float(np.float32(2 / 3))
    assert (second.phase_probability, second.aperture) == (share, share)
    assert second.confidence == max(second.object_probability)
    assert second.due_ns == 5
    assert second.receive_duration > 0 and second.binning_duration >= 0 and second.inference_duration >= 0


def test_each_segment_starts_anew():
    played = session(3)
    together = decode(batches(played, 10 * MS))
    apart = [decode(batches(played, 10 * MS, [trial])) for trial in played.trials]
    assert [each[3:] for each in outputs(together)] == [each[3:] for trial in apart for each in outputs(trial)]


def test_a_loss_is_visible_and_starts_anew():
    stream = list(batches(session(5, 1), 10 * MS))
    decodes = decode((batch for batch in stream if batch.sequence != 5), reorder_depth=0)
    assert decodes[0].bin == 0 and decodes[0].lost_batches == 0
    assert decodes[1].bin == 2 and decodes[1].lost_batches == 1
    only_later = [replace(batch, start_ns=batch.start_ns) for batch in stream[8:]]
    assert [each[4:] for each in outputs(decodes[1:])] == [each[4:] for each in outputs(decode(only_later))]


def test_without_object_and_dof():
    decodes = decode(batches(session(1), 10 * MS), HandMadeEngines(tasks=('phase',)))
    assert {each.object_id for each in decodes} == {-1}
    assert all(len(each.object_probability) == 0 and np.isnan(each.aperture) for each in decodes)


def test_without_phase_it_rests_and_is_not_for_a_hand():
    engines = HandMadeEngines(tasks=('object',))
    decodes = decode(batches(session(1), 10 * MS), engines)
    assert {each.phase for each in decodes} == {REST} and {each.object_id for each in decodes} != {-1}
    with pytest.raises(GraspDecoderError, match='no phase network'):
        live_decoder.open_for_a_hand(engines.bundle, EngineOptions())


def test_self_reset_after_a_grasp():
    """Two bins of GRASP, then the second bin of REST in a row, clear the state; shorter ones do not."""
    rest, grasp = np.array([9, 0, 0, 0], np.uint16), np.array([0, 9, 0, 0], np.uint16)
    decoder = BinDecoder(HandMadeEngines(self_reset=SelfReset(grasp_bins=2, rest_bins=2)))
    seen = [decoder.decode(counts).phase_probability for counts in (grasp, rest, rest, grasp)]
    assert seen == pytest.approx([1, 1 / 2, 1 / 3, 1 / 2])  # one bin below 0.4 only
    decoder.reset()
    seen = [decoder.decode(counts).phase_probability for counts in (grasp, rest, rest, rest, rest)]
    assert seen == pytest.approx([1, 1 / 2, 1 / 3, 1 / 4, 0])  # GRASP, GRASP, REST, REST, cleared
    seen = [decoder.decode(counts).phase_probability for counts in (rest, grasp)]
    assert seen == pytest.approx([0, 1 / 3])


@pytest.mark.parametrize('movement', [None, Movement('cursor', False, (0.0,), (1.0,))])
def test_self_reset_leaves_a_movement_alone(movement):
    rest, grasp = np.array([9, 0, 0, 0], np.uint16), np.array([0, 9, 0, 0], np.uint16)
    decoder = BinDecoder(HandMadeEngines(self_reset=SelfReset(grasp_bins=1, rest_bins=1), movement=movement))
    seen = [decoder.decode(counts).dof[0] for counts in (grasp, rest, rest, rest)]
    assert seen[:3] == pytest.approx([1, 1 / 2, 1 / 3])  # GRASP, GRASP, REST: the trial is over
    assert seen[3] == pytest.approx(1 / 4 if movement else 0)


@given(st.integers(0, 100), st.integers(0, 12))
def test_exchange_between_two_bins_leaves_no_trace(seed, swap_at):
    """From the bin of the exchange on, the new bundle says what it would have said had it run from the start."""
    stream = list(batches(session(seed), 40 * MS))
    old, new = HandMadeEngines(), HandMadeEngines(scale=0.5)
    decoder = StreamingDecoder(old)
    decodes = []
    for position, batch in enumerate(stream):
        if position == swap_at // 2:
            successor = decoder.prepare(new)
        if position == swap_at:
            before = len(decodes)
            decoder.swap(successor)
        decodes += decoder.push(batch)
    if len(stream) > swap_at:
        assert outputs(decodes) == outputs(decode(stream, old))[:before] + outputs(decode(stream, new))[before:]
        assert decoder.engines is new


def test_warming_up_leaves_no_trace():
    stream = list(batches(session(3), 40 * MS))
    decoder = StreamingDecoder(HandMadeEngines())
    warm_up = WarmUpDecoder(decoder)
    decodes, made_up = [], []
    for number, batch in enumerate(stream):
        asked = []
        # A real bin comes while every third made-up bin runs its first network, and keeps it from running its second.
        rehearsed = warm_up.decode(lambda: asked.append(number) or (number % 3 == 0 and len(asked) == 2))
        made_up.append(rehearsed and rehearsed.bin)
        assert len(asked) == (2 if number % 3 == 0 else 3)
        decodes += decoder.push(batch)
    assert outputs(decodes) == outputs(decode(stream))
    assert made_up == [None if number % 3 == 0 else number for number in range(len(stream))]


def test_every_warm_up_runs_the_networks():
    """A made-up bin that passed for an artefact would not be decoded: the decode before it would be given again."""
    warm_up = WarmUpDecoder(StreamingDecoder(HandMadeEngines(artefact_count=UNITS - 1)))
    answers = [warm_up.decode().object_probability for _ in range(5)]
    assert len({id(answer) for answer in answers}) == len(answers)


def test_nothing_warms_up_beside_an_accelerator():
    decoder = StreamingDecoder(HandMadeEngines(backend='edgetpu (usb)'))
    assert warm_up_decoder(decoder) is None
    assert warm_up_decoder(StreamingDecoder(HandMadeEngines())) is not None


@pytest.mark.parametrize('unfit', [{'unit_count': 5}, {'bin_ns': 20 * MS}])
def test_an_unfit_bundle_is_refused_and_the_old_one_goes_on(unfit):
    stream = list(batches(session(2), 10 * MS))
    decoder = StreamingDecoder(HandMadeEngines())
    decodes = [decode for batch in stream[:20] for decode in decoder.push(batch)]
    with pytest.raises(GraspDecoderError):
        decoder.prepare(HandMadeEngines(**unfit))
    decodes += [decode for batch in stream[20:] for decode in decoder.push(batch)]
    assert outputs(decodes) == outputs(decode(stream))


def test_a_decode_says_from_which_bundle_and_source_it_is_and_what_its_input_was_like():
    trial = Trial(0, 0, 2000 * MS, {}, 33, True, np.array([1, 41, 42]) * MS, np.array([0, 1, 1], np.uint16))
    played = Session('s', tuple(Unit(i) for i in range(UNITS)), (trial,))
    decodes = decode((replace(batch, source=7) for batch in batches(played, 40 * MS)), HandMadeEngines(usual_rate=0.5))
    assert {(each.bundle, each.source) for each in decodes} == {(12 * 'b', 7)}
    assert decodes[-1].validity < VALIDITY_LIMIT and 'silent' in decodes[-1].invalid_reason


def test_what_was_decoded_before_a_burst_is_said_again():
    class Burst(HandMadeEngines):
        @property
        def input_statistics(self):
            return replace(super().input_statistics, artefact_count=10.0)

    spikes = np.repeat(np.arange(1, 400, 40), 1) * MS
    burst = np.full(30, 205) * MS
    times = np.sort(np.concatenate([spikes, burst]))
    units = np.where(np.isin(times, burst), 1, 0).astype(np.uint16)
    played = Session('s', tuple(Unit(i) for i in range(UNITS)), (Trial(0, 0, 400 * MS, {}, 33, True, times, units),))
    decodes = decode(batches(played, 40 * MS), Burst())
    quiet = decode(batches(played, 40 * MS))
    assert decodes[5].object_probability.tolist() == decodes[4].object_probability.tolist()
    assert decodes[5].object_probability.tolist() != quiet[5].object_probability.tolist()


def steady(spikes, bins=250):
    """A session in which each unit fires as often in every bin."""
    units = np.tile(np.repeat(np.arange(UNITS, dtype=np.uint16), spikes), bins)
    times = np.repeat(np.arange(bins) * BIN_NS + MS, sum(spikes))
    trial = Trial(0, 0, bins * BIN_NS, {}, 33, True, times, units)
    return Session('s', tuple(Unit(i) for i in range(UNITS)), (trial,))


@pytest.mark.parametrize('batch_ms', [10, 70])
def test_for_a_unit_that_has_died_stands_what_the_others_lead_to_expect(batch_ms):
    engines = HandMadeEngines(usual_rate=4.0)
    decodes = decode(batches(steady([4, 0, 4, 4]), batch_ms * MS), engines)
    assert decodes[40].phase_probability == 0
    assert decodes[-1].phase_probability == pytest.approx(0.2, abs=0.03)  # 0.25 from when it is found to be dead
    assert outputs(decodes) == outputs(decode(batches(steady([4, 0, 4, 4]), 40 * MS), engines))

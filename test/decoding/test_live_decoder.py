# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""LiveDecoder: decodes as `StreamingDecoder` does, while another thread changes its bundle and its settings."""

import shutil

import numpy as np
import pytest

from grasp_decoder.bundle.bundle import load_bundle
from grasp_decoder.bundle.engines.bundle_engines import BundleEngines, EngineOptions
from grasp_decoder.bundle.export.writing import write_bundle
from grasp_decoder.decoding.live_decoder import LiveDecoder
from grasp_decoder.decoding.streaming import StreamingDecoder
from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.types.decoded_grasp import VALIDITY_LIMIT
from grasp_decoder.types.spike_batch import SpikeBatch

from helpers.bundle_samples import UNITS, make_manifest, make_network, make_trials

OPTIONS = EngineOptions(backend='cpu')
BIN_NS = 40_000_000


@pytest.fixture(scope='module')
def bundles(sample_bundle, other_bundle, tmp_path_factory):
    """Two bundles that decode differently, and one that cannot say when to grasp, side by side."""
    folder, trials = tmp_path_factory.mktemp('bundles'), make_trials()
    first, second = shutil.copytree(sample_bundle, folder / 'first'), shutil.copytree(other_bundle, folder / 'second')
    write_bundle(folder / 'no_phase', [make_network('object', 'window')], trials, trials, make_manifest())
    return {'first': str(first), 'second': str(second), 'no_phase': str(folder / 'no_phase')}


def stream(bins=12):
    rng = np.random.default_rng(3)
    for number in range(bins):
        unit = np.sort(rng.integers(0, UNITS, 9)).astype(np.uint16)
        offset = np.sort(rng.integers(0, BIN_NS, 9)).astype(np.uint32)
        yield SpikeBatch(number, 0, number * BIN_NS, (number + 1) * BIN_NS, UNITS, unit, offset)


def outputs(decodes):
    return [(each.bin, each.phase_probability, each.object_probability.tolist(), each.bundle) for each in decodes]


def offline(path):
    decoder = StreamingDecoder(BundleEngines(load_bundle(path), OPTIONS))
    return outputs(decode for batch in stream() for decode in decoder.push(batch))


def test_bundles_are_exchanged_between_two_bins_with_made_up_bins_in_between(bundles):
    live = LiveDecoder(bundles['first'], OPTIONS)
    decodes = []
    for batch in stream():
        if batch.sequence == 5:
            live.load_bundle(bundles['second'])
        assert live.warm_up() is not None
        decodes += live.push(batch, received_ns=1)
    assert outputs(decodes) == offline(bundles['first'])[:5] + offline(bundles['second'])[5:]


def test_a_bundle_that_cannot_take_over_changes_nothing(bundles):
    live = LiveDecoder(bundles['first'], OPTIONS)
    before = live.info(0)
    for path, words in ((bundles['no_phase'], 'no phase network'), ('/nowhere', 'nowhere')):
        with pytest.raises(GraspDecoderError, match=words):
            live.load_bundle(path)
    assert live.info(0) == before


def trials_as_stream():
    """The training trials, one after the other: input that is valid."""
    counts = np.concatenate([trial.counts for trial in make_trials()])
    for number, row in enumerate(counts):
        unit = np.repeat(np.arange(UNITS), row).astype(np.uint16)
        yield SpikeBatch(number, 0, number * BIN_NS, (number + 1) * BIN_NS, UNITS, unit, np.zeros(len(unit), np.uint32))


def test_drift_is_tracked_as_offline_and_no_longer_when_that_is_switched_off(bundles, monkeypatch):
    monkeypatch.setattr('grasp_decoder.features.drift.MEMORY_NS', 50 * BIN_NS)
    live, decodes = LiveDecoder(bundles['first'], OPTIONS, track_drift=True), []
    for batch in trials_as_stream():
        live.warm_up()
        decodes += live.push(batch, received_ns=1)
    tracking, plain = (
        StreamingDecoder(BundleEngines(load_bundle(bundles['first']), OPTIONS), track_drift=on) for on in (True, False)
    )
    expected, without = (
        outputs(decode for batch in trials_as_stream() for decode in each.push(batch)) for each in (tracking, plain)
    )
    assert outputs(decodes) == expected != without
    assert decodes[-1].validity > VALIDITY_LIMIT and live.decoder.drift == tracking.drift > 0 and plain.drift is None
    monkeypatch.setattr('grasp_decoder.decoding.checked_decoder.MOST_DRIFT', live.decoder.drift / 2)
    live.load_bundle(bundles['first'])  # it runs through the latest bins, with the drift in them
    assert live.decoder.drift > 0 and 'has drifted by' in live.decoder.input_state.reason
    live.change(2, True, track_drift=False)
    assert live.decoder.drift is None


def test_made_up_bins_only_when_they_are_wanted(bundles):
    live = LiveDecoder(bundles['first'], OPTIONS, rehearse=False)
    assert live.warm_up() is None
    live.change(reorder_depth=7, rehearse=True, track_drift=False)
    assert live.warm_up() is not None and live.decoder.reorder_depth == 7


def test_the_next_bin_is_expected_after_as_long_as_the_last_one_took(bundles):
    live = LiveDecoder(bundles['first'], OPTIONS)
    for received_ns, batch in zip((100, 170, 250), stream()):
        live.push(batch, received_ns)
    assert live.next_bin_ns == 330
    live.reset()
    live.push(next(stream()), 1000)
    assert live.next_bin_ns == 2000  # the first bin says nothing about the next


def test_the_time_of_each_stage_is_kept(bundles):
    live = LiveDecoder(bundles['first'], OPTIONS)
    (decode,) = live.push(next(stream()), 1)
    live.published(decode, 0.25)
    assert live.times.percentiles()['publish'] == (0.25, 0.25)
    assert live.times.overruns == 0  # the time to receive a batch is unknown without a due time

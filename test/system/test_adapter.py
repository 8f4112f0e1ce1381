# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Adapter: when it makes a bundle, from which trials, which one it offers, and what it says."""

import hashlib
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from grasp_decoder.bundle.bundle import MANIFEST, SEAL, load_bundle, seal_of
from grasp_decoder.bundle.engines.bundle_engines import BundleEngines
from grasp_decoder.decoding.info import decoder_info
from grasp_decoder.decoding.streaming import StreamingDecoder
from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.recording.reading import read_session
from grasp_decoder.recording.synthetic import synthesize
from grasp_decoder.system.adapter import NOT_WRITTEN, PATIENCE_S, Activity, Adapter
from grasp_decoder.system.node_settings import AdapterSettings

from helpers.trial_stream import feed, stream


@pytest.fixture(scope='module')
def bundles(sample_bundle, tmp_path_factory):
    """The first one, and those that `adapt` would make."""
    folder = tmp_path_factory.mktemp('bundles')
    shutil.copytree(sample_bundle, folder / 'day')
    for name in ('day-live-1', 'day-live-2', 'other'):
        shutil.copytree(folder / 'day', folder / name)
        manifest = replace(load_bundle(folder / 'day').manifest, name=name).to_json().encode()
        (folder / name / MANIFEST).write_bytes(manifest)
        (folder / name / SEAL).write_bytes(seal_of(hashlib.sha256(manifest).hexdigest()))
    return folder


@pytest.fixture(scope='module')
def messages():
    """A stream of 40 usable trials, from a source that is started four times. The last trial of each is never over."""
    [session] = synthesize(units=24, trials=11, objects=2)
    return [message for source in range(1, 5) for message in stream(session, source=source)]


class Process:
    """An `adapt` that ends as the test says."""

    def __init__(self, arguments, folder):
        self.arguments, self.folder = arguments, folder
        self.status, self.words, self.interrupted, self.killed = None, '', False, False
        self.trials = len(read_session(arguments[arguments.index('--session') + 1]).trials)

    def poll(self):
        return self.status

    def last_words(self):
        return self.words

    def interrupt(self):
        self.interrupted = True

    def kill(self):
        self.killed = True

    def wait(self, timeout_s):
        return self.status


class System:
    """An adapter with its decoder."""

    def __init__(self, bundles, tmp_path, **changed):
        self.now_s, self.processes, self.bundles = 0.0, [], bundles
        self.fault = None
        settings = AdapterSettings(**{'bundle': str(bundles / 'day'), 'folder': str(tmp_path), **changed})
        self.adapter = Adapter(settings, self.start, lambda: self.now_s)
        self.decodes_with(bundles / 'day')

    def start(self, arguments, folder):
        if self.fault is not None:
            raise self.fault
        self.processes.append(Process(arguments, folder))
        return self.processes[-1]

    def decodes_with(self, bundle):
        self.adapter.take_info(decoder_info(StreamingDecoder(BundleEngines(load_bundle(bundle))), 0))

    def ends(self, status, words):
        """The process ends; gives what the decoder is asked to take."""
        process = self.processes[-1]
        process.status, process.words = status, words
        if status == 0:
            out = Path(process.arguments[process.arguments.index('--out') + 1])
            out.symlink_to(self.bundles / out.name)
        return self.adapter.step()

    def takes(self, bundle):
        self.decodes_with(bundle)
        self.adapter.answered(str(bundle), True, 'decoding with it')


@pytest.fixture
def system(bundles, tmp_path):
    system = System(bundles, tmp_path)
    yield system
    system.adapter.close()


def test_a_better_bundle_is_made_of_the_trials_and_offered_once(system, messages, tmp_path, bundles):
    adapter = system.adapter
    assert adapter.step() is None and adapter.activity is Activity.COLLECTING
    feed(adapter.trials, messages)
    assert adapter.trials.count == 40
    assert adapter.step() is None and adapter.activity is Activity.MAKING
    [process] = system.processes
    first = str(bundles / 'day')
    new = str(tmp_path / 'day-live-1')
    assert (process.arguments[0], process.trials) == (first, 40)
    assert process.arguments[3:7] == ['--out', new, '--better-than', first]
    assert adapter.step() is None and len(system.processes) == 1
    assert system.ends(0, 'better than day') == new
    assert adapter.activity is Activity.OFFERING and adapter.step() is None
    system.takes(new)
    assert (adapter.running, adapter.taken, adapter.trouble) == (new, 1, '')
    assert adapter.said == 'decoding with it: better than day' and not process.folder.exists()
    # The next one is made of more trials, again from the first bundle, and must be better than this one.
    assert adapter.step() is None and adapter.activity is Activity.COLLECTING
    feed(adapter.trials, messages)
    adapter.step()
    arguments = system.processes[1].arguments
    assert (arguments[0], system.processes[1].trials) == (first, 80)
    assert arguments[3:7] == ['--out', str(tmp_path / 'day-live-2'), '--better-than', new]


@pytest.mark.parametrize(
    'status, words, trouble, refused',
    [
        (1, f'{NOT_WRITTEN}the new bundle is worse than day', '', 1),
        (1, 'KeyError: 3', 'adapt ended with status 1: KeyError: 3', 0),
        (2, 'error: day.mcap has no trials', 'adapt ended with status 2: error: day.mcap has no trials', 0),
        (-9, 'no output', 'adapt ended with status -9: no output', 0),
    ],
)
def test_a_bundle_that_is_not_better_or_not_made_is_not_offered(system, messages, status, words, trouble, refused):
    feed(system.adapter.trials, messages)
    system.adapter.step()
    assert system.ends(status, words) is None
    assert (system.adapter.said, system.adapter.trouble, system.adapter.refused) == (words, trouble, refused)
    assert system.adapter.step() is None and len(system.processes) == 1  # until there are more trials


@pytest.mark.parametrize('fault', [GraspDecoderError('no adapt here'), OSError(28, 'No space left on device')])
def test_a_process_that_cannot_be_started_is_said_and_tried_again_when_it_is_asked(system, messages, fault):
    feed(system.adapter.trials, messages)
    system.fault = fault
    assert system.adapter.step() is None and system.adapter.activity is Activity.COLLECTING
    assert system.adapter.trouble == f'no bundle can be made: {fault}'
    system.fault = None
    system.adapter.adapt()
    system.adapter.step()
    assert system.adapter.activity is Activity.MAKING


def test_a_new_bundle_that_cannot_be_read_is_not_offered(system, messages, bundles):
    feed(system.adapter.trials, messages)
    system.adapter.step()
    Path(system.processes[0].arguments[4]).mkdir()
    system.processes[0].status = 0
    assert system.adapter.step() is None and system.adapter.activity is Activity.COLLECTING
    assert 'the new bundle cannot be read: ' in system.adapter.trouble


def test_a_machine_without_time_is_said_and_what_is_made_is_ended(system, messages):
    adapter = system.adapter
    feed(adapter.trials, messages)
    adapter.step()
    system.now_s += 20 * 60
    assert adapter.step() is None and adapter.activity is Activity.MAKING and adapter.making_s == 20 * 60
    system.now_s += 1
    assert adapter.step() is None and adapter.activity is Activity.COLLECTING and system.processes[0].killed
    assert 'this machine has too little of it' in adapter.trouble and adapter.making_s == 0
    assert adapter.step() is None and len(system.processes) == 1  # until there are more trials
    feed(adapter.trials, messages)
    assert adapter.step() is None and len(system.processes) == 1  # while the first one has not ended
    system.processes[0].status = -9
    assert adapter.step() is None and len(system.processes) == 2 and adapter.activity is Activity.MAKING
    assert not system.processes[0].folder.exists() and system.processes[1].folder.exists()


def test_a_decoder_that_refuses_a_bundle_or_does_not_answer_goes_on_with_its_own(system, messages, bundles):
    feed(system.adapter.trials, messages)
    system.adapter.step()
    refused = system.ends(0, 'better')
    system.adapter.answered(refused, False, 'it is not signed')
    assert 'day-live-1 was not taken: it is not signed' in system.adapter.trouble
    assert system.adapter.running == str(bundles / 'day') and system.adapter.taken == 0
    system.adapter.adapt()
    system.adapter.step()
    system.ends(0, 'better')
    system.adapter.answered(refused, True, 'decoding with it')  # which was not asked any more
    assert system.adapter.activity is Activity.OFFERING and system.adapter.taken == 0
    system.now_s += PATIENCE_S + 1
    assert system.adapter.step() is None and 'does not answer' in system.adapter.trouble
    assert system.adapter.activity is Activity.COLLECTING


def test_a_roll_back_ends_what_is_being_made_and_stops_until_it_is_asked(system, messages, tmp_path, bundles):
    adapter = system.adapter
    with pytest.raises(GraspDecoderError, match='no other bundle decoded before'):
        adapter.roll_back()
    feed(adapter.trials, messages)
    adapter.step()
    system.takes(system.ends(0, 'better'))
    adapter.adapt()
    adapter.step()
    draft = tmp_path / '.day-live-2.half'
    draft.mkdir()
    assert adapter.roll_back() == str(bundles / 'day')
    system.decodes_with(bundles / 'day')
    assert system.processes[1].killed and adapter.activity is Activity.STOPPED
    feed(adapter.trials, messages)
    assert adapter.step() is None and len(system.processes) == 2
    with pytest.raises(GraspDecoderError, match='no other bundle decoded before'):
        adapter.roll_back()
    assert '80 newest trials' in adapter.adapt()
    adapter.step()
    assert len(system.processes) == 2 and draft.exists()  # until what was killed has ended
    system.processes[1].status = -9
    adapter.step()
    assert len(system.processes) == 3 and not draft.exists()


def test_a_bundle_that_somebody_else_has_loaded_is_not_replaced(system, messages, bundles):
    feed(system.adapter.trials, messages)
    system.adapter.step()
    system.decodes_with(bundles / 'other')
    assert 'is not known here' in system.adapter.trouble and system.adapter.running == 'not known here'
    assert system.ends(0, 'better') is None and 'another bundle decodes meanwhile' in system.adapter.said
    assert 'is not known here' in system.adapter.trouble
    with pytest.raises(GraspDecoderError, match='known here'):
        system.adapter.adapt()
    system.decodes_with(bundles / 'day')
    assert system.adapter.trouble == ''


def test_it_waits_for_enough_trials_or_until_it_is_asked(bundles, messages, tmp_path):
    system = System(bundles, tmp_path, new_trials=0, sign_with='key')
    with pytest.raises(GraspDecoderError, match='0 usable trials are too few: wait for 32'):
        system.adapter.adapt()
    feed(system.adapter.trials, messages)
    assert system.adapter.step() is None and not system.processes
    system.adapter.adapt()
    system.adapter.step()
    assert system.processes[0].arguments[-2:] == ['--sign-with', 'key']
    with pytest.raises(GraspDecoderError, match='busy making a bundle'):
        system.adapter.adapt()
    system.adapter.close()
    assert system.processes[0].interrupted and system.processes[0].killed  # as it did not end by itself

# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""What is said in a run in which the hand closes in some trials, and lifts what it holds."""

from grasp_decoder.types.hand_command import HandCommand, HandMode
from grasp_decoder.types.hand_state import HandState
from grasp_decoder.types.time import NS_PER_MS
from grasp_decoder.types.trial_event import TrialEvent

BIN_MS, TRIAL_MS, OBJECT = 40, 3660, 44
EVENTS = {'Start': 0, 'Cue': 680, 'Go': 2190, 'Hold': 2740, 'Rew': 3130, 'End': 3619}
CLOSES_MS, HOLDS_MS, OPENS_MS = 2800, 2960, 4200


def told(trials, hand=True, closes=lambda trial: True, events=EVENTS, live=False):
    """What is said, bin after bin, in trials of one object that follow each other.

    Args:
        trials: how many.
        hand: whether the hand says how it is.
        closes: whether the hand closes in the trial of this number.
        events: label to ms since the start of its trial.
        live: all trials are in one segment, and their object is known later than their start, as of a live source.

    Yields:
        The time (ms), and a `TrialEvent`, `HandState` or `HandCommand` of that time.
    """
    for now_ms in range(0, trials * TRIAL_MS, BIN_MS):
        trial, since_ms = divmod(now_ms, TRIAL_MS)
        for label, at_ms in events.items():
            if at_ms <= since_ms < at_ms + BIN_MS:
                stamp_ns = (trial * TRIAL_MS + at_ms) * NS_PER_MS
                object_id = -1 if live and label == 'Start' else OBJECT
                yield now_ms, TrialEvent(stamp_ns, trial, 0 if live else trial, label, object_id)
        # It holds until shortly before the next trial's Cue.
        before, after_ms = divmod(now_ms - CLOSES_MS, TRIAL_MS)
        grasping = before >= 0 and closes(before) and after_ms < OPENS_MS - CLOSES_MS
        lifted = grasping and after_ms >= HOLDS_MS - CLOSES_MS
        state = HandMode.HOLD if lifted else HandMode.CLOSE if grasping else HandMode.OPEN
        now_ns = now_ms * NS_PER_MS
        if hand:
            yield now_ms, HandState(now_ns, now_ns, 0.08 if lifted else 0.0, grasping, object_id=OBJECT)
        yield now_ms, HandCommand(now_ns, now_ns, state, 'spherical', 1.0, 'test', now_ns + 3 * NS_PER_MS)

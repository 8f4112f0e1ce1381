# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""EStopMemory: what was pressed stays pressed, and so does what cannot be read."""

from grasp_decoder.share import state_directory
from grasp_decoder.system.e_stop_memory import EStopMemory


def test_an_e_stop_is_remembered_for_its_node_until_it_is_reset(domain_id):
    assert not EStopMemory('/left/hand_bridge').pressed
    EStopMemory('/left/hand_bridge').remember(True)
    assert EStopMemory('/left/hand_bridge').pressed
    assert not EStopMemory('/right/hand_bridge').pressed
    EStopMemory('/left/hand_bridge').remember(False)
    assert not EStopMemory('/left/hand_bridge').pressed


def test_a_memory_that_cannot_be_read_counts_as_pressed(domain_id):
    state_directory().parent.mkdir(parents=True)
    state_directory().write_text('not a folder')
    assert EStopMemory('/hand_bridge').pressed

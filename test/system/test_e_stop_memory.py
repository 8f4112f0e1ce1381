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

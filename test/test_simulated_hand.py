"""simulated_hand as a process: it grasps, lifts and lets go as its topics say."""

import pytest

pytest.importorskip('mujoco')
pytest.importorskip('rclpy', reason='no ROS 2 in this environment')
pytest.importorskip('grasp_decoder.msg', reason='the messages are not built: ./run builds them')

from simulated_trial import SimulatedTrial  # noqa: E402


def test_an_object_is_lifted_on_hold_and_comes_down_on_open(start_node, node, spin_until):
    hand = start_node('simulated_hand')
    trial = SimulatedTrial(node, spin_until, object_id=44)
    trial.check()
    hand.interrupt()
    assert hand.wait(10.0) == 0, hand.log_text()

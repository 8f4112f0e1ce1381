"""Names and quality of service of every topic, in one place."""

from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy


def _reliable(depth, durability=DurabilityPolicy.VOLATILE):
    return QoSProfile(
        history=HistoryPolicy.KEEP_LAST,
        depth=depth,
        reliability=ReliabilityPolicy.RELIABLE,
        durability=durability,
    )


SPIKES = '/spikes', _reliable(1000)
TRIAL_EVENTS = '/trial_events', _reliable(1000)
DECODER_INFO = '/decoder_info', _reliable(1, DurabilityPolicy.TRANSIENT_LOCAL)
# These come as often as bins: at full speed, minutes' worth in a second.
DECODED_GRASP = '/decoded_grasp', _reliable(10_000)
HAND_COMMAND = '/hand/command', _reliable(10_000)
JOINT_TARGETS = '/hand/joint_targets', _reliable(100)
HAND_STATE = '/hand/state', _reliable(1000)
JOINT_STATES = '/joint_states', _reliable(100)
E_STOP = '/hand/e_stop', _reliable(1)
DIAGNOSTICS = '/diagnostics', _reliable(100)
RESET = '/hand/reset'  # service


def deep(topic: tuple[str, QoSProfile]) -> tuple[str, QoSProfile]:
    """The topic with a queue that holds minutes of it, for who must miss nothing and is not waited for."""
    name, qos = topic
    return name, QoSProfile(history=qos.history, depth=100_000, reliability=qos.reliability, durability=qos.durability)

"""The built messages travel between processes' nodes."""

import array


def test_spike_batch_arrives_as_sent(node, spin_until):
    from grasp_decoder.msg import SpikeBatch
    from grasp_decoder.nodes import topics

    received = []
    node.create_subscription(SpikeBatch, *_topic(topics.SPIKES, received.append))
    publisher = node.create_publisher(SpikeBatch, *topics.SPIKES)
    sent = SpikeBatch(sequence=7, segment=2, window_start=-5, window_end=40_000_000, unit_count=3)
    sent.unit = array.array('H', [0, 2, 65535])
    sent.offset_ns = array.array('I', [1, 2, 40_000_004])

    assert spin_until(lambda: publisher.get_subscription_count() > 0)
    publisher.publish(sent)

    assert spin_until(lambda: received)
    assert received == [sent]


def _topic(topic, callback):
    name, qos = topic
    return name, callback, qos

# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""OpenEphysSender: sends what the ZMQ Interface 1.0.0 of the Open Ephys GUI sends, byte for byte; it is not the GUI.

It follows ``sendData``, ``sendSpikeEvent`` and ``sendEvent`` of ``Source/ZmqInterface.cpp`` in
https://github.com/open-ephys-plugins/zmq-interface: an envelope with a final zero byte, a header as JUCE writes JSON
(two spaces, CR LF), and bytes.
"""

from __future__ import annotations

import json
import struct
import threading
import time

import zmq

RATE_HZ = 30_000
BLOCK = 300
"""Samples in a block of the acquisition."""


class OpenEphysSender:
    """Both sockets of the plugin, on free ports of this machine.

    Attributes:
        address: for the settings.
        answers: whether heartbeats are answered.
        heartbeats: those that came.
    """

    def __init__(self):
        self._context = zmq.Context()
        self._data = self._context.socket(zmq.PUB)
        self._listen = self._context.socket(zmq.REP)
        port = self._data.bind_to_random_port('tcp://127.0.0.1')
        while True:
            try:
                self._listen.bind(f'tcp://127.0.0.1:{port + 1}')
                break
            except zmq.ZMQError:
                self._data.unbind(f'tcp://127.0.0.1:{port}')
                port = self._data.bind_to_random_port('tcp://127.0.0.1')
        self.address = f'127.0.0.1:{port}'
        self.answers = True
        self.heartbeats: list[dict] = []
        self.sample = self.message_num = 0
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def data(self, channels=(0,), rate_hz=RATE_HZ):
        """The continuous data of the next block."""
        for channel in channels:
            header = {
                'stream': 'example_data',
                'channel_num': channel,
                'channel_name': f'CH{channel + 1}',
                'num_samples': BLOCK,
                'sample_num': self.sample,
                'sample_rate': float(rate_hz),
            }
            self._send('DATA', 'data', {'content': header, 'data_size': 4 * BLOCK}, bytes(4 * BLOCK))
        self.sample += BLOCK

    def spike(self, electrode, sorted_id, sample):
        """A spike of a sorter, or of a Spike Detector (sorted id 0)."""
        header = {
            'stream': 'example_data',
            'source_node': 102,
            'electrode': electrode,
            'sample_num': sample,
            'num_channels': 1,
            'num_samples': 40,
            'sorted_id': sorted_id,
            'threshold': [-50.0],
        }
        self._send('EVENT', 'spike', {'spike': header}, bytes(4 * 40))

    def ttl(self, line, state, sample):
        """A change of a digital line, which is counted from 0 here."""
        header = {'stream': 'example_data', 'source_node': 101, 'type': 3, 'sample_num': sample}
        body = struct.pack('<BBQ', line, state, state << line)
        self._send('EVENT', 'event', {'content': header, 'data_size': len(body)}, body)

    def raw(self, *parts):
        """Something that is not of the format."""
        self._data.send_multipart(parts)

    def answer(self):
        """Take the heartbeats that have come, and answer them if ``answers``."""
        while self._listen.poll(0):
            self.heartbeats.append(json.loads(self._listen.recv()))
            if not self.answers:
                return
            self._listen.send(b'heartbeat received')

    def acquire(self, work=lambda: None):
        """Send data block by block in real time, in a thread; ``work()`` comes before the data of each block."""

        def acquiring():
            start = time.monotonic()
            first = self.sample
            while not self._ended.wait(max(0, start + (self.sample - first + BLOCK) / RATE_HZ - time.monotonic())):
                work()
                self.data()
                self.answer()

        self._ended.clear()
        self._thread = threading.Thread(target=acquiring)
        self._thread.start()

    def stand_still(self):
        """End the acquisition; the GUI goes on without it."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join()

    def close(self):
        """End the acquisition and the sockets."""
        self.stand_still()
        self._context.destroy(linger=0)

    def _send(self, envelope, kind, fields, body):
        self.message_num += 1
        header = {'message_num': self.message_num, 'type': kind, **fields, 'timestamp': time.time_ns() // 1_000_000}
        text = json.dumps(header, indent=2).replace('\n', '\r\n')
        self._data.send_multipart([envelope.encode() + b'\0', text.encode(), body])

# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Decode a recording bin by bin, as the running system does, but without ROS; prints a line per bin.

./run python examples/decode_session.py session.neo.mat bundle
"""

import sys

from grasp_decoder.bundle.bundle import load_bundle
from grasp_decoder.bundle.engines.bundle_engines import BundleEngines, EngineOptions
from grasp_decoder.decoding.streaming import StreamingDecoder
from grasp_decoder.recording.batches import batches
from grasp_decoder.recording.reading import read_session

if len(sys.argv) != 3:
    sys.exit(__doc__)
session, bundle = read_session(sys.argv[1]), load_bundle(sys.argv[2])
decoder = StreamingDecoder(BundleEngines(bundle, EngineOptions(backend='cpu')))
print('trial bin P(grasp) object P(object)')
for batch in batches(session, period_ns=10_000_000):
    for decode in decoder.push(batch):  # none, one or more: the bins whose end this batch has passed
        print(f'{decode.segment} {decode.bin} {decode.phase_probability:.3f}', end=' ')
        print(f'{decode.object_id} {decode.confidence:.3f}')

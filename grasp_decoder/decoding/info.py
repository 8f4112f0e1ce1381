# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""decoder_info: which bundle a decoder runs, and on what."""

from __future__ import annotations

from grasp_decoder.decoding.streaming import StreamingDecoder
from grasp_decoder.evidence import EvidenceRule
from grasp_decoder.types.decoder_info import DecoderInfo


def decoder_info(decoder: StreamingDecoder, stamp_ns: int) -> DecoderInfo:
    """Which bundle ``decoder`` runs, its precision, and where its networks run now.

    Args:
        decoder: the decoder.
        stamp_ns: time of the answer, ns.
    """
    bundle = decoder.bundle
    manifest = bundle.manifest
    evidence = manifest.evidence or EvidenceRule.for_unknown(len(manifest.classes))
    places = sorted({place.split()[0] for place in decoder.engines.backends.values()})
    return DecoderInfo(
        stamp_ns=stamp_ns,
        bundle_id=bundle.id,
        bundle_sha256=bundle.sha256,
        bin_s=manifest.bin_s,
        look_back=manifest.look_back,
        unit_count=manifest.unit_count,
        backend=f'{"+".join(places)}:{decoder.engines.options.precision}',
        object_id=tuple(manifest.classes),
        object_label=tuple(manifest.labels),
        tasks=tuple(manifest.tasks),
        object_prior=evidence.prior,
        object_gain=evidence.gain,
        object_memory_s=evidence.memory_s,
        object_dead_band=evidence.dead_band,
        prepared_ns=decoder.prepared_ns,
        took_over_ns=decoder.took_over_ns,
    )

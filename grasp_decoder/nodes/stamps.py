# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""The stamp of a message."""

from __future__ import annotations

from builtin_interfaces.msg import Time

from grasp_decoder.types.time import NS_PER_S

LEAST_STAMP_NS, MOST_STAMP_NS = -(2**31) * NS_PER_S, 2**31 * NS_PER_S - 1
"""A stamp holds seconds as int32."""


def stamp(time_ns: int) -> Time:
    """The stamp of a time; of one that no stamp can say, the nearest: a wrong clock must not end a node."""
    seconds, nanoseconds = divmod(min(max(time_ns, LEAST_STAMP_NS), MOST_STAMP_NS), NS_PER_S)
    return Time(sec=seconds, nanosec=nanoseconds)

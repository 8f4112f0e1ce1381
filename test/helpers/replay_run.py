# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""A run of replay_decode from outside."""

from pathlib import Path


def children(process):
    """Name -> process id of the nodes that a running replay_decode has started."""
    found = {}
    for pid in Path(f'/proc/{process.pid}/task/{process.pid}/children').read_text().split():
        words = Path(f'/proc/{pid}/cmdline').read_text().split('\0')
        found.update({Path(word).name: int(pid) for word in words if '/lib/grasp_decoder/' in word})
    return found


def wait_for_a_trial(process):
    while not (line := process.stdout.readline()).startswith('trial'):
        assert line, process.stderr.read()

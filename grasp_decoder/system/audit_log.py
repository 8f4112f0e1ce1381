# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""AuditLog: a file that keeps what others had a node do, across restarts.

Each line is one JSON object. The file grows to `MOST_BYTES`, then it becomes ``audit.1.jsonl``, and so on up to
`KEPT_FILES`; all nodes of a user write to the same one.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

from grasp_decoder.share import state_directory
from grasp_decoder.system.network import ros_domain

MOST_BYTES = 4 << 20
KEPT_FILES = 4
_LONGEST_TEXT = 500


class AuditLog:
    """Appends lines to the audit log. It raises nothing: a hand must not end because a disk is full.

    Attributes:
        path: of the file.
        problem: why the latest line could not be written; '' if it was.
    """

    def __init__(self, node: str):
        """``node``: fully qualified name of the node that writes."""
        self.path: Path = state_directory() / 'audit.jsonl'
        self.problem = ''
        self._node = node

    def add(self, what: str, asked_by: Sequence[str], result: str, **details: str) -> None:
        """Add a line.

        Args:
            what: was asked for.
            asked_by: nodes that may have asked.
            result: what came of it.
            details: what else is known.
        """
        now = datetime.now(UTC).isoformat(timespec='milliseconds')
        domain = ros_domain()
        line = {'time': now, 'node': self._node, 'domain': domain, 'what': what, 'asked_by': list(asked_by)}
        texts = {name: text[:_LONGEST_TEXT] for name, text in {**details, 'result': result}.items()}
        try:
            self._append(json.dumps(line | texts).encode() + b'\n')
        except OSError as error:
            self.problem = f'{self.path} cannot be written: {error.strerror}'
        else:
            self.problem = ''

    def _append(self, line: bytes) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        # No waiting for a lock: lines that are appended in one call do not mix, and an e-stop must not hang here.
        descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NONBLOCK, 0o600)
        try:
            written = os.write(descriptor, line)
            full = os.fstat(descriptor).st_size > MOST_BYTES
        finally:
            os.close(descriptor)
        if written < len(line):
            raise OSError(0, 'a line was cut off')
        if full:
            self._rotate()

    def _rotate(self) -> None:
        with open(self.path.with_suffix('.lock'), 'a') as lock, contextlib.suppress(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # else another node does it
            if self.path.stat().st_size <= MOST_BYTES:
                return
            files = [self.path, *(self.path.with_suffix(f'.{number}.jsonl') for number in range(1, KEPT_FILES))]
            for newer, older in reversed(list(pairwise(files))):
                if newer.exists():
                    newer.replace(older)

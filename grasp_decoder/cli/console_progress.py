# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Shows the progress of long work: lines, and a bar with the time left."""

from __future__ import annotations

import sys
from collections.abc import Callable

from tqdm import tqdm

from grasp_decoder.learning.experiment.progress_report import ProgressReport


class ConsoleProgress(ProgressReport):
    """Prints lines and a bar for the running stage on stderr; without a terminal, the bar is a line now and then."""

    def __init__(self) -> None:
        self._bar: tqdm | None = None

    def say(self, line: str) -> None:
        """Print one line; the bar before it is finished."""
        self.close()
        print(line, file=sys.stderr, flush=True)

    def stage(self, name: str) -> Callable[[int, int, str], None]:
        """Begin a stage; the answer is called as ``progress(epochs done, epochs at most, message)``."""
        self.close()

        def progress(done: int, total: int, message: str) -> None:
            if self._bar is None or done < self._bar.n:
                self.close()
                interval = 0.2 if sys.stderr.isatty() else 15
                self._bar = tqdm(
                    desc=name, total=total, unit='epoch', mininterval=interval, file=sys.stderr, dynamic_ncols=True
                )
            self._bar.set_postfix_str(message, refresh=False)
            self._bar.update(done - self._bar.n)

        return progress

    def close(self) -> None:
        """Finish the bar."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None

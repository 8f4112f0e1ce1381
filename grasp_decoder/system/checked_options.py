# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""What is asked of a run, checked in one place before anything is made or started."""

from __future__ import annotations

from pathlib import Path

from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.page.library import require_viser
from grasp_decoder.recording.writing import check_writable
from grasp_decoder.system.given_parameters import check_parameter_file
from grasp_decoder.system.replay_options import PATHS, ReplayOptions

WRITTEN = ('result', 'record')
"""The paths that a run writes to."""


def checked_options(options: ReplayOptions) -> ReplayOptions:
    """The same with absolute paths, for nodes that may run in another folder.

    Raises:
        GraspDecoderError: a file that is read does not exist, one cannot be written, the library of the page is
            missing, or the parameter file says what no node would take.
    """
    for name in PATHS:
        path = getattr(options, name)
        if path and name in WRITTEN:
            check_writable(Path(path))
        elif path and not Path(path).exists():
            raise GraspDecoderError(f'{name}: {path} does not exist')
    if options.view:
        require_viser()
    if options.params_file:
        check_parameter_file(options.params_file, options.absolute_namespace)
    return options.with_absolute_paths()

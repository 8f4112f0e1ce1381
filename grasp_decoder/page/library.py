# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""What the page needs and not every machine has: the library that serves it, and a browser."""

from __future__ import annotations

import shutil
from importlib.util import find_spec

from grasp_decoder.errors import GraspDecoderError

VISER = 'viser==1.1.1'
BROWSERS = ('chromium', 'chromium-browser', 'google-chrome')


def has_viser() -> bool:
    """Whether the page can be served."""
    return find_spec('viser') is not None


def require_viser() -> None:
    """Raise `GraspDecoderError` where viser is not installed."""
    if not has_viser():
        raise GraspDecoderError(f'no page: viser is not installed: .venv/bin/pip install {VISER}')


def find_browser() -> str | None:
    """A browser that can draw the page without a window; None without one."""
    return next(filter(None, map(shutil.which, BROWSERS)), None)

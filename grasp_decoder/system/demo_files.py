# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Where the demo's session is, its ready bundle, and the one that ``demo --train`` makes."""

from __future__ import annotations

import hashlib
from pathlib import Path

import grasp_decoder
from grasp_decoder.recording.synthetic import synthesize
from grasp_decoder.recording.writing import write_session
from grasp_decoder.share import cache_directory, share_directory

# These packages and the catalogue of objects make the session and the bundle. A change in any of them makes new ones.
SESSION_MAKERS = ('recording',)
BUNDLE_MAKERS = (*SESSION_MAKERS, 'features', 'learning', 'bundle', 'decoding')


def demo_session() -> Path:
    """The demo's session in the cache, made unless this version of the code has made it before."""
    session = _made_by(SESSION_MAKERS) / 'demo.neo.mat'
    if not session.exists():
        [made] = synthesize()
        session.parent.mkdir(parents=True, exist_ok=True)
        write_session(made, session)
    return session


def ready_bundle() -> Path:
    """The bundle that comes with the code, trained on the demo's session."""
    return share_directory() / 'bundles' / 'demo'


def trained_bundle() -> Path:
    """The bundle in the cache that this version of the code trains on the demo's session; it may not exist yet."""
    return _made_by(BUNDLE_MAKERS) / 'bundle'


def _made_by(makers: tuple[str, ...]) -> Path:
    """A folder in the cache whose name depends on the code that makes what is in it."""
    package = Path(grasp_decoder.__file__).parent
    code = hashlib.sha256(grasp_decoder.__version__.encode())
    sources = sorted(path for maker in makers for path in (package / maker).rglob('*.py'))
    catalogue = package / 'objects.py', share_directory() / 'config' / 'objects.yaml'
    for path in (*catalogue, *sources):
        code.update(path.read_bytes())
    return cache_directory() / 'demo' / code.hexdigest()[:16]

"""Where the demo's session and bundle are. The path depends on the code that makes them."""

from __future__ import annotations

import hashlib
from pathlib import Path

import grasp_decoder
from grasp_decoder.share import cache_directory, share_directory

# These packages and the catalogue of objects make the session and the bundle. A change in any of them makes new ones.
MAKERS = ('recording', 'features', 'learning', 'bundle', 'decoding')


def demo_files() -> tuple[Path, Path]:
    """Paths of the demo's session and bundle, which may not exist yet: ``demo --prepare`` makes them."""
    package = Path(grasp_decoder.__file__).parent
    code = hashlib.sha256(grasp_decoder.__version__.encode())
    made_by = sorted(path for maker in MAKERS for path in (package / maker).rglob('*.py'))
    catalogue = package / 'objects.py', share_directory() / 'config' / 'objects.yaml'
    for path in (package / 'cli' / 'demo.py', *catalogue, *made_by):
        code.update(path.read_bytes())
    folder = cache_directory() / 'demo' / code.hexdigest()[:16]
    return folder / 'demo.neo.mat', folder / 'bundle'

"""The demo's session and bundle: where they are, by the code that makes them."""

from __future__ import annotations

import hashlib
from pathlib import Path

import grasp_decoder
from grasp_decoder.share import cache_directory

# What the session and the bundle are made by; a change there makes new ones.
MAKERS = ('recording', 'features', 'learning', 'bundle', 'decoding')


def demo_files() -> tuple[Path, Path]:
    """Paths of the demo's session and bundle, which may not exist yet: ``demo --prepare`` makes them."""
    package = Path(grasp_decoder.__file__).parent
    code = hashlib.sha256(grasp_decoder.__version__.encode())
    for path in [package / 'cli' / 'demo.py', *sorted(p for maker in MAKERS for p in (package / maker).rglob('*.py'))]:
        code.update(path.read_bytes())
    folder = cache_directory() / 'demo' / code.hexdigest()[:16]
    return folder / 'demo.neo.mat', folder / 'bundle'

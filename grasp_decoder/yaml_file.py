"""YAML files that people write: read, or refused in one line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from grasp_decoder.errors import GraspDecoderError


def read_yaml(path: str | Path, what: str) -> Any:
    """The content of a file, which is ``what`` to people; None when it is empty.

    Raises:
        GraspDecoderError: the file cannot be read, or is not YAML.
    """
    try:
        return yaml.safe_load(Path(path).read_text(encoding='utf-8'))
    except OSError as error:
        raise GraspDecoderError(f'{path}: cannot read the {what}: {error.strerror}') from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise GraspDecoderError(f'{path}: the {what} is not YAML: {" ".join(str(error).split())}') from None

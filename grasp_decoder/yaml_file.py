"""YAML files that people write: read, or refused in one line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.safe_file import MIB, read_plain


class _Loader(yaml.SafeLoader):
    """Plain data only. A few lines with aliases (``*name``) can stand for gigabytes, so there are none."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise yaml.composer.ComposerError(problem='write out what * stands for')
        return super().compose_node(parent, index)


def read_yaml(path: str | Path, what: str) -> Any:
    """The content of a file, which is ``what`` to people; None when it is empty.

    Raises:
        GraspDecoderError: the file cannot be read, or is not YAML.
    """
    try:
        return yaml.load(read_plain(path, MIB), _Loader)
    except OSError as error:
        raise GraspDecoderError(f'{path}: cannot read the {what}: {error.strerror}') from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # a date such as 2020-13-45 is a ValueError
        raise GraspDecoderError(f'{path}: the {what} is not YAML: {error}') from None

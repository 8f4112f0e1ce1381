# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

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

# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Admission: which bundles a running decoder takes, by who signed them and where they lie."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path

from grasp_decoder.bundle.bundle import Bundle, load_bundle
from grasp_decoder.bundle.signature import TrustedKeys, read_trusted_keys
from grasp_decoder.errors import GraspDecoderError, first_line


@dataclass(frozen=True)
class Admission:
    """Which bundles are taken.

    Attributes:
        trusted_keys: one of them must have signed; None: anybody may have made it.
        folders: it must lie in one of them, at any depth; empty: it may lie anywhere.
    """

    trusted_keys: TrustedKeys | None = None
    folders: tuple[Path, ...] = ()

    def load(self, path: str) -> Bundle:
        """Load a bundle that may be taken.

        Raises:
            GraspDecoderError: it may not be taken, or not be loaded.
        """
        if not path:
            return load_bundle(path)  # which says that none is given
        # Links are followed first: what is looked at is what is read.
        try:
            place = Path(path).resolve()
        except (OSError, RuntimeError) as error:  # such as links in a circle
            raise GraspDecoderError(f'bundle {path}: cannot be read: {first_line(error)}') from None
        if self.folders and not any(place.is_relative_to(folder.resolve()) for folder in self.folders):
            raise GraspDecoderError(
                f'bundle {path} lies outside of {" and ".join(map(str, self.folders))}: move it there, or start the '
                'decoder with its folder in the parameter bundle_folders'
            )
        return load_bundle(place, self.trusted_keys)

    def beside(self, bundle: Bundle) -> Admission:
        """The rules for what replaces ``bundle``: where no folders are given, it must lie beside it."""
        return self if self.folders else replace(self, folders=(bundle.path.resolve().parent,))


ANY_BUNDLE = Admission()


def admission(trusted_keys: str, folders: str) -> Admission:
    """The rules that parameters give.

    Args:
        trusted_keys: file of public keys; '' for anybody's bundles.
        folders: with ``:`` between them; '' for anywhere.

    Raises:
        GraspDecoderError: the keys cannot be read.
    """
    return Admission(
        read_trusted_keys(Path(trusted_keys)) if trusted_keys else None,
        listed_folders(folders),
    )


def listed_folders(text: str) -> tuple[Path, ...]:
    """The folders of a parameter, which has ``:`` between them."""
    return tuple(Path(folder) for folder in text.split(os.pathsep) if folder)

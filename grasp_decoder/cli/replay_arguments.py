# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Options of command lines that replay a session, made from the declarations of `ReplayOptions`."""

from __future__ import annotations

import argparse
from collections.abc import Collection
from typing import Any

from grasp_decoder.sources.spike_system import SystemSettings
from grasp_decoder.system.checked_options import checked_options
from grasp_decoder.system.replay_options import PATHS, ReplayOptions
from grasp_decoder.types.setting import Declaration, declarations

# Where an option has another name on command lines.
FLAGS = {'mapping': '--map', 'result': '--json', 'adapter': '--adapt'}
REQUIRED = ('session', 'bundle')
# A live source starts no monitor, which a command line waits for.
OF_LIVE_SOURCES = {'source', *(each.name for each in declarations(SystemSettings))}
ALL = tuple(each.name for each in declarations(ReplayOptions) if each.name not in OF_LIVE_SOURCES)


def add_replay_arguments(parser: argparse.ArgumentParser, names: Collection[str] = ALL, **defaults: Any) -> None:
    """Add options for fields of `ReplayOptions`.

    Args:
        parser: takes the options.
        names: of the fields; others keep their default.
        defaults: other defaults than the declared ones, by field.
    """
    for each in declarations(ReplayOptions):
        if each.name not in names:
            continue
        flag = FLAGS.get(each.name, '--' + each.name.replace('_', '-'))
        default = defaults.get(each.name, each.default)
        if isinstance(default, bool):
            parser.add_argument(flag, dest=each.name, action='store_true', help=each.description)
            continue
        parser.add_argument(
            flag,
            dest=each.name,
            type=each.parse,
            default=default,
            required=each.name in REQUIRED,
            choices=each.choices or None,
            metavar=_metavar(each),
            help=option_help(each, default),
        )


def _metavar(declaration: Declaration) -> str | None:
    """The word for a value; choices are their own words."""
    if declaration.choices:
        return None
    if declaration.name in PATHS:
        return 'DIR' if declaration.name == 'bundle' else 'FILE'
    return 'NAME' if isinstance(declaration.default, str) else 'N'


def option_help(declaration: Declaration, default: Any) -> str:
    """The meaning with the default, which for an empty one is what the declaration says of it."""
    if declaration.name in REQUIRED:
        return declaration.meaning()
    text, _, empty = declaration.meaning().partition('; empty: ')
    return f'{text} (default: {empty or "none" if default == "" else "%(default)s"})'


def replay_options(arguments: argparse.Namespace) -> ReplayOptions:
    """The options that were given, with absolute paths.

    Raises:
        GraspDecoderError: a value is not allowed, or `checked_options` refuses them.
    """
    known = {each.name for each in declarations(ReplayOptions)}
    return checked_options(ReplayOptions(**{name: value for name, value in vars(arguments).items() if name in known}))

# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Makes a page for each node from its declarations, and one of all messages, when the site is built."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from grasp_decoder.system.interfaces import EVERY_NODE, LIFECYCLE_NODE, NODES, Interfaces, Service, Topic
from grasp_decoder.system.node_settings import NODE_SETTINGS
from grasp_decoder.system.parameter_files import read_only_names
from grasp_decoder.types.setting import declarations

PACKAGE = 'grasp_decoder'


def write_node_pages(root: Path, folder: Path) -> None:
    """Write all pages into ``folder``; ``root`` is that of the repository."""
    folder.mkdir(exist_ok=True)
    pages = {'index': index_page(), 'messages': messages_page(root)}
    for node in NODES:
        source = ast.parse((root / PACKAGE / 'nodes' / f'{node}.py').read_text())
        pages[node] = node_page(node, ast.get_docstring(source).removeprefix(f'{node}: '))
    for name, text in pages.items():
        (folder / f'{name}.md').write_text(text)


def node_page(node: str, summary: str) -> str:
    """Topics, services and parameters of one node."""
    parts = [('', NODES[node]), *NODES[node].with_parameter.items()]
    return '\n'.join([f'# {node}', '', summary, '', *interface_tables(parts), *parameter_table(node)])


def index_page() -> str:
    """All nodes, and what ROS gives to each of them."""
    return '\n'.join(
        [
            '# Nodes',
            '',
            'These pages come from the declarations in `grasp_decoder/system/interfaces.py` and `node_settings.py`.',
            '',
            '```{toctree}',
            *NODES,
            'messages',
            '```',
            '',
            '## Every node',
            '',
            *interface_tables([('', EVERY_NODE)], level='###'),
            '## Lifecycle nodes',
            '',
            f'These are: {", ".join(f"`{node}`" for node, has in NODES.items() if has.lifecycle)}.',
            '',
            *interface_tables([('', LIFECYCLE_NODE)], level='###'),
        ]
    )


def messages_page(root: Path) -> str:
    """The definitions of all messages and services."""
    lines = ['# Messages and services', '']
    for file in sorted([*root.glob('msg/*.msg'), *root.glob('srv/*.srv')]):
        lines += [
            f'## {file.stem}',
            '',
            f'`{PACKAGE}/{file.suffix[1:]}/{file.stem}`',
            '',
            '```',
            file.read_text(),
            '```',
        ]
    return '\n'.join(lines)


def interface_tables(parts: Iterable[tuple[str, Interfaces]], level: str = '##') -> Iterator[str]:
    """Tables of topics and services; ``parts`` are (parameter that they need, interfaces)."""
    for heading, what in (('Publishes', 'publishes'), ('Subscribes to', 'subscribes')):
        rows = [
            (f'`{topic.name}`', linked(topic), quality(topic), topic.meaning + condition(when))
            for when, has in parts
            for topic in getattr(has, what)
        ]
        yield from section(f'{level} {heading}', ('topic', 'type', 'QoS', 'meaning'), rows)
    for heading, what in (('Services', 'serves'), ('Calls', 'calls')):
        rows = [
            (f'`{service.name}`', linked(service), service.meaning + condition(when))
            for when, has in parts
            for service in getattr(has, what)
        ]
        yield from section(f'{level} {heading}', ('service or action', 'type', 'meaning'), rows)


def parameter_table(node: str) -> Iterator[str]:
    """Table of the parameters of a node."""
    rows = [
        (
            f'`{each.name}`',
            f'`{json.dumps(each.default)}`',
            each.allowed(),
            '; '.join(filter(None, [each.meaning(), each.settable()])),
        )
        for settings in NODE_SETTINGS[node]
        for each in declarations(settings)
    ]
    yield from section('## Parameters', ('name', 'default', 'value', 'meaning'), rows)
    if NODES[node].lifecycle:
        yield f'While the node is not configured, all can be set but {read_only_names(node)}.'


def section(heading: str, header: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    """A heading and a table, or nothing without rows."""
    if rows:
        yield from (heading, '', *(f'| {" | ".join(cells)} |' for cells in (header, ['---'] * len(header), *rows)), '')


def condition(parameter: str) -> str:
    return f' (with `{parameter}`)' if parameter else ''


def linked(interface: Topic | Service) -> str:
    """The type of a topic or service; those of this package link to their definition."""
    package, _, name = interface.type.split('/')
    return f'[{interface.type}](messages.md#{name.lower()})' if package == PACKAGE else interface.type


def quality(topic: Topic) -> str:
    reliability = 'reliable' if topic.reliable else 'best effort'
    return f'{reliability}, keep last {topic.depth}' + (', transient local' if topic.transient_local else '')

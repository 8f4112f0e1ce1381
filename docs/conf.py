# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Settings of the documentation site, which `./run docs` builds with Sphinx.

The pages are docs/*.md as they stand, one for each node with its topics, services and parameters (node_pages.py), and
one for each module with its docstrings. Building needs neither TensorFlow nor ROS: modules are read, not imported.
"""

import builtins
import re
import sys
from pathlib import Path

from sphinx import addnodes

DOCS = Path(__file__).resolve().parent
ROOT = DOCS.parent
sys.path[:0] = [str(ROOT), str(DOCS)]

from node_pages import write_node_pages  # noqa: E402

project = 'grasp_decoder'
author = 'The grasp_decoder developers'
version = release = re.search(r"__version__ = '(.*)'", (ROOT / 'grasp_decoder' / '__init__.py').read_text()).group(1)

extensions = ['myst_parser', 'sphinx.ext.napoleon', 'autoapi.extension']
nitpicky = True

html_theme = 'furo'
html_title = f'grasp_decoder {version}'
html_show_copyright = False

# docs/*.md and README.md: headings can be linked to as on GitHub.
myst_heading_anchors = 3

# The reference, from docstrings.
autoapi_dirs = [str(ROOT / 'grasp_decoder')]
autoapi_root = 'reference'
autoapi_add_toctree_entry = False
autoapi_options = ['members', 'undoc-members', 'show-inheritance', 'show-module-summary']
autoapi_member_order = 'bysource'
napoleon_numpy_docstring = False
napoleon_use_ivar = True
# autoapi cannot follow imports of generated messages, nor of constants that are assigned together. The pages of modules
# lead to each other: in the bar beside every page, all of them would take most of the time of a build.
suppress_warnings = ['autoapi.python_import_resolution', 'toc.not_included']

# A name in single backticks is a link where one thing here is called so, else it is code. Types of other libraries
# and messages are code.
default_role = 'py:obj'
nitpick_ignore_regex = [('py:obj', '.*'), ('py:.*', r'(?!grasp_decoder\.).*|grasp_decoder\.(msg|srv)\..*')]


def link_from_docs(app, path, parent, content):
    """README.md and others of its folder are included in pages of docs/: their links start one folder above."""
    text = re.sub(r'\]\((?!https?:|#)', '](../', content[0])
    text = text.replace('](../docs/', '](').replace('](../CONTRIBUTING.md', '](contributing.md')
    content[0] = text.replace('](../QUALITY_DECLARATION.md', '](quality.md')


def do_not_guess(app, doctree):
    """Sphinx links a short name to any of the things that end with it. `link_short_name` is more careful."""
    for node in doctree.findall(addnodes.pending_xref):
        node.attributes.pop('refspecific', None)


def link_short_name(app, env, node, contnode):
    """Link `TrialBins` to grasp_decoder.features.trial_bins.TrialBins, unless something else has that name too."""
    python, short = env.domains.python_domain, node['reftarget']
    names = [name for name in python.objects if name.endswith(f'.{short}')]
    if node.get('refdomain') == 'py' and len(names) == 1 and not hasattr(builtins, short):
        return python.resolve_xref(env, node['refdoc'], app.builder, 'obj', names[0], node, contnode)
    return None


def keep_colon(app, what, name, item, options, lines):
    """Napoleon takes what stands before a colon in an attribute's docstring for its type. Here it never is."""
    types = [line for line in lines if line.startswith(':type: ')]
    if what in ('attribute', 'data', 'property') and types:
        lines.remove(types[0])
        lines[0] = types[0].removeprefix(':type: ') + ': ' + lines[0]


def describe_attributes(app, what, name, item, skip, options):
    """Move each entry of a class's `Attributes:` section to the attribute itself, where its type stands."""
    if what != 'class':
        return
    attributes = {attribute.name: attribute for attribute in item.children if attribute.type == 'attribute'}

    def move(entry):
        names = entry['names'].split(', ')
        if not all(name in attributes for name in names):
            return entry.group()
        for name in names:
            attributes[name].docstring = ' '.join(entry['text'].split())
        return ''

    item.docstring = re.sub(r'(?m)^:ivar (?P<names>.*?): (?P<text>.*\n(?: .*\n)*)', move, item.docstring)


def setup(app):
    write_node_pages(ROOT, DOCS / 'nodes')
    app.connect('include-read', link_from_docs)
    app.connect('doctree-read', do_not_guess)
    app.connect('missing-reference', link_short_name)
    app.connect('autodoc-process-docstring', keep_colon, priority=600)
    app.connect('autoapi-skip-member', describe_attributes)

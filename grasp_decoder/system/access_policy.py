# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""What each node may do in a system with SROS2: its topics and services, as permissions of DDS Security (OMG, 1.1).

They are made from the interfaces that are declared (`grasp_decoder.system.interfaces`), so a node may do what it does
and nothing else. The names of DDS topics are those that ROS 2 gives them: ``rt`` and the name of a topic, ``rq`` and
``rr`` for the requests and replies of a service (design.ros2.org/articles/topic_and_service_names.html).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from grasp_decoder.system.interfaces import NODES, Service, interfaces_of

OPERATOR = 'operator'
"""Who may do everything: the command line of ROS 2, an e-stop, a lifecycle manager."""

GRAPH = 'ros_discovery_info'
"""The topic on which ROS 2 says which node has what."""

SCHEMA = 'http://www.omg.org/spec/DDS-SECURITY/20170901/omg_shared_ca_{}.xsd'


@dataclass(frozen=True)
class Grant:
    """The DDS topics that one enclave may write and read; ``*`` stands for any letters.

    Attributes:
        enclave: such as ``/left/decoder``: who it is, by the name in its certificate.
        writes, reads: names of DDS topics.
    """

    enclave: str
    writes: frozenset[str]
    reads: frozenset[str]


def grants(namespace: str = '') -> list[Grant]:
    """What each node of a system may do, and the operator.

    Args:
        namespace: of the system, such as ``/left``; empty for none.
    """
    nodes = [_grant_of(node, namespace) for node in NODES]
    return [*nodes, Grant(f'{namespace}/{OPERATOR}', frozenset('*'), frozenset('*'))]


def _grant_of(node: str, namespace: str) -> Grant:
    mine = interfaces_of(node, NODES[node].with_parameter, namespace)
    requests, replies = _service_topics(mine.serves)
    asked, answered = _service_topics(mine.calls)
    given, taken = ({f'rt{each.name}' for each in topics} for topics in (mine.publishes, mine.subscribes))
    return Grant(
        f'{namespace}/{node}',
        frozenset({GRAPH, *given, *replies, *asked}),
        frozenset({GRAPH, *taken, *requests, *answered}),
    )


def _service_topics(services: Iterable[Service]) -> tuple[set[str], set[str]]:
    """The topics that the clients of these services and actions write, and those that they read."""
    requests, replies = set(), set()
    for service in services:
        names = [service.name]
        if '/action/' in service.type:
            names = [f'{service.name}/_action/{part}' for part in ('send_goal', 'cancel_goal', 'get_result')]
            replies |= {f'rt{service.name}/_action/{part}' for part in ('feedback', 'status')}
        requests |= {f'rq{name}Request' for name in names}
        replies |= {f'rr{name}Reply' for name in names}
    return requests, replies


def permissions(grant: Grant, domain: int, not_before: datetime, not_after: datetime) -> bytes:
    """The permissions document (XML) of an enclave: what is not granted is denied.

    Args:
        grant: what it may do.
        domain: the ROS domain in which it may.
        not_before, not_after: from when until when, in UTC.
    """
    document = _document('permissions')
    given = SubElement(SubElement(document, 'permissions'), 'grant', name=grant.enclave)
    SubElement(given, 'subject_name').text = f'CN={grant.enclave}'
    validity = SubElement(given, 'validity')
    for name, time in (('not_before', not_before), ('not_after', not_after)):
        SubElement(validity, name).text = time.strftime('%Y-%m-%dT%H:%M:%S')
    rule = SubElement(given, 'allow_rule')
    _domains(rule, domain)
    for verb, names in (('publish', grant.writes), ('subscribe', grant.reads)):
        topics = SubElement(SubElement(rule, verb), 'topics')
        for name in sorted(names):
            SubElement(topics, 'topic').text = name
    SubElement(given, 'default').text = 'DENY'
    return _text(document)


def governance(domain: int) -> bytes:
    """The governance document (XML) of the domain: only who has a key may join, and everything is encrypted."""
    document = _document('governance')
    rule = SubElement(SubElement(document, 'domain_access_rules'), 'domain_rule')
    _domains(rule, domain)
    _fields(
        rule,
        allow_unauthenticated_participants='false',
        enable_join_access_control='true',
        discovery_protection_kind='ENCRYPT',
        liveliness_protection_kind='ENCRYPT',
        rtps_protection_kind='SIGN',
    )
    _fields(
        SubElement(SubElement(rule, 'topic_access_rules'), 'topic_rule'),
        topic_expression='*',
        enable_discovery_protection='true',
        enable_liveliness_protection='true',
        enable_read_access_control='true',
        enable_write_access_control='true',
        metadata_protection_kind='ENCRYPT',
        data_protection_kind='ENCRYPT',
    )
    return _text(document)


def _document(kind: str) -> Element:
    schema = {'xsi:noNamespaceSchemaLocation': SCHEMA.format(kind)}
    return Element('dds', {'xmlns:xsi': 'http://www.w3.org/2001/XMLSchema-instance', **schema})


def _domains(rule: Element, domain: int) -> None:
    SubElement(SubElement(rule, 'domains'), 'id').text = str(domain)


def _fields(parent: Element, **texts: str) -> None:
    for name, text in texts.items():
        SubElement(parent, name).text = text


def _text(document: Element) -> bytes:
    ElementTree.indent(document)
    return ElementTree.tostring(document, encoding='UTF-8', xml_declaration=True) + b'\n'

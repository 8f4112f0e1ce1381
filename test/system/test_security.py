# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Only who has a key takes part in a secured system, and only as what it is (SROS2)."""

import json
import shutil
import stat
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from grasp_decoder.cli import security
from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.system.access_policy import Grant, governance, grants, permissions
from grasp_decoder.system.demo_files import demo_session, ready_bundle
from grasp_decoder.system.interfaces import E_STOP, HAND_COMMAND, NODES
from grasp_decoder.system.keystore import make_keystore
from grasp_decoder.system.processes import NodeProcess

NO_SECURITY = 'the installed DDS was built without its security'


@pytest.fixture(scope='module')
def keystore(tmp_path_factory):
    folder = tmp_path_factory.mktemp('keys') / 'store'
    make_keystore(folder, 7)
    return folder


def granted(node, namespace=''):
    return next(grant for grant in grants(namespace) if grant.enclave == f'{namespace}/{node}')


def test_a_node_may_do_what_it_does_and_no_more():
    bridge, decoder = granted('hand_bridge', '/left'), granted('decoder', '/left')
    assert 'rt/left/hand/joint_targets' in bridge.writes
    assert [grant.enclave for grant in grants() if 'rt/hand/joint_targets' in grant.writes] == ['/hand_bridge']
    assert {'rq/left/hand/resetRequest', 'rt/left/hand/e_stop', 'rt/left/spikes'} <= bridge.reads
    assert 'rt/left/hand/joint_targets' not in bridge.reads
    assert 'rr/left/decoder/load_bundleReply' in decoder.writes
    assert 'rq/left/decoder/load_bundleRequest' in granted('viewer', '/left').writes
    goal = '/left/gripper_controller/gripper_cmd/_action'
    assert {
        f'rq{goal}/send_goalRequest',
        f'rq{goal}/cancel_goalRequest',
        f'rq{goal}/get_resultRequest',
    } <= bridge.writes
    assert {f'rr{goal}/send_goalReply', f'rt{goal}/feedback', f'rt{goal}/status'} <= bridge.reads
    assert granted('operator') == Grant('/operator', frozenset('*'), frozenset('*'))
    assert not any('*' in grant.writes | grant.reads for grant in grants() if grant.enclave != '/operator')


def test_documents_have_the_elements_of_dds_security_in_their_order():
    valid = datetime(2026, 1, 2, tzinfo=UTC), datetime(2027, 1, 2, 3, 4, 5, tzinfo=UTC)
    document = ElementTree.fromstring(permissions(Grant('/a', frozenset('yx'), frozenset('z')), 3, *valid))
    grant = document.find('permissions/grant')
    assert grant.get('name') == '/a'
    assert [each.tag for each in grant] == ['subject_name', 'validity', 'allow_rule', 'default']
    assert [each.text for each in grant.iter() if each.text.strip()] == [
        *('CN=/a', '2026-01-02T00:00:00', '2027-01-02T03:04:05', '3', 'x', 'y', 'z', 'DENY')
    ]
    assert [each.tag for each in grant.find('allow_rule')] == ['domains', 'publish', 'subscribe']
    rule = ElementTree.fromstring(governance(3)).find('domain_access_rules/domain_rule')
    assert rule.find('domains/id').text == '3'
    assert rule.find('allow_unauthenticated_participants').text == 'false'
    assert rule.find('topic_access_rules/topic_rule/data_protection_kind').text == 'ENCRYPT'


def test_each_node_has_a_key_that_the_authority_signed(keystore):
    authority = x509.load_pem_x509_certificate((keystore / 'public' / 'identity_ca.cert.pem').read_bytes())
    for node in (*NODES, 'operator'):
        enclave = keystore / 'enclaves' / node
        certificate = x509.load_pem_x509_certificate((enclave / 'cert.pem').read_bytes())
        certificate.verify_directly_issued_by(authority)
        assert certificate.subject.rfc4514_string() == f'CN=/{node}'
        assert (enclave / 'identity_ca.cert.pem').read_bytes() == (keystore / 'public' / 'ca.cert.pem').read_bytes()
    secrets = [*keystore.rglob('*key.pem')]
    assert len(secrets) == len(NODES) + 4
    assert {stat.S_IMODE(path.stat().st_mode) for path in secrets} == {0o600}
    assert stat.S_IMODE((keystore / 'private').stat().st_mode) == 0o700


def verified(document, keystore):
    """What OpenSSL finds signed in an S/MIME file; nothing where the signature does not fit."""
    if shutil.which('openssl') is None:
        pytest.skip('no OpenSSL to verify signatures with')
    authority = keystore / 'public' / 'permissions_ca.cert.pem'
    done = subprocess.run(
        ['openssl', 'smime', '-verify', '-text', '-in', document, '-CAfile', authority],
        capture_output=True,
    )
    return done.stdout if done.returncode == 0 else None


def test_documents_are_signed(keystore, tmp_path):
    rules = keystore / 'enclaves' / 'governance'
    bridge = keystore / 'enclaves' / 'hand_bridge'
    for name in (rules, bridge / 'permissions'):
        document = Path(f'{name}.xml').read_bytes()
        assert verified(f'{name}.p7s', keystore).replace(b'\r\n', b'\n') == document
    assert (bridge / 'governance.p7s').read_bytes() == Path(f'{rules}.p7s').read_bytes()
    changed = tmp_path / 'changed.p7s'
    changed.write_bytes((bridge / 'permissions.p7s').read_bytes().replace(b'DENY', b'ALLOW'))
    assert verified(changed, keystore) is None


def test_a_keystore_grows_and_its_keys_stay(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv('ROS_DOMAIN_ID', '4')
    folder = str(tmp_path / 'store')
    assert security.main(['keystore', folder]) == 0
    before = {path: path.read_bytes() for path in tmp_path.rglob('*.pem')}
    assert security.main(['keystore', folder, '--domain', '5', '--namespace', 'left']) == 0
    assert '/left/decoder ' in capsys.readouterr().out
    assert {path: path.read_bytes() for path in before} == before
    assert b'<id>4</id>' in (tmp_path / 'store' / 'enclaves' / 'decoder' / 'permissions.xml').read_bytes()
    left = (tmp_path / 'store' / 'enclaves' / 'left' / 'decoder' / 'permissions.xml').read_bytes()
    assert b'<id>5</id>' in left and b'<topic>rt/left/spikes</topic>' in left


@pytest.mark.parametrize(
    'arguments, words',
    [
        (['--domain', '233'], "'233' is no ROS domain"),
        (['--namespace', 'a b'], "--namespace is 'a b'"),
        (['--namespace', 60 * 'a'], 'too long'),
    ],
)
def test_bad_arguments_are_one_line(tmp_path, capsys, arguments, words):
    assert security.main(['keystore', str(tmp_path / 'store'), *arguments]) == 2
    error = capsys.readouterr().err
    assert words in error and error.count('\n') == 1
    assert not (tmp_path / 'store').exists()


@pytest.mark.parametrize('file', ['private/ca.key.pem', 'enclaves/decoder/cert.pem', 'public/ca.cert.pem'])
def test_what_is_no_key_of_this_keystore_is_refused(keystore, tmp_path, file):
    folder = shutil.copytree(keystore, tmp_path / 'store', symlinks=True)
    make_keystore(tmp_path / 'other', 7)
    for content in (b'nonsense', (tmp_path / 'other' / file).read_bytes()):
        (folder / file).write_bytes(content)
        with pytest.raises(GraspDecoderError, match='remove'):
            make_keystore(folder, 7)


@pytest.mark.parametrize('file', ['enclaves/decoder/cert.pem', 'public/ca.cert.pem'])
def test_a_certificate_of_a_point_off_the_curve_is_refused(keystore, tmp_path, file):
    """It loads: only its public key does not."""
    folder = shutil.copytree(keystore, tmp_path / 'store', symlinks=True)
    certificate = x509.load_pem_x509_certificate((folder / file).read_bytes())
    point = certificate.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    changed = certificate.public_bytes(Encoding.DER).replace(point, point[:-1] + bytes([point[-1] ^ 1]))
    (folder / file).write_bytes(x509.load_der_x509_certificate(changed).public_bytes(Encoding.PEM))
    with pytest.raises(GraspDecoderError, match='remove'):
        make_keystore(folder, 7)


@pytest.fixture
def secured(domain_id, monkeypatch, tmp_path):
    """Nodes that start now are secured."""
    pytest.importorskip('rclpy', reason='no ROS 2 in this environment')
    pytest.importorskip('grasp_decoder.msg', reason='the messages are not built: ./run builds them')

    def secured():
        make_keystore(tmp_path / 'store', domain_id)
        monkeypatch.setenv('ROS_SECURITY_ENABLE', 'true')
        monkeypatch.setenv('ROS_SECURITY_STRATEGY', 'Enforce')
        monkeypatch.setenv('ROS_SECURITY_KEYSTORE', str(tmp_path / 'store'))

    return secured


def run_to_its_end(enclave, folder):
    process = NodeProcess('hand_bridge', ['--ros-args', '--enclave', enclave], folder / 'log')
    assert process.wait(60) is not None, process.log_text()
    return process


@pytest.mark.slow
def test_a_node_that_cannot_be_secured_does_not_start(secured, tmp_path):
    secured()
    process = run_to_its_end('/nobody', tmp_path)
    assert process.poll() == 2
    assert process.last_words().startswith('error: arguments for ROS: failed to initialize rcl: SECURITY ERROR')
    # Who has the keys of another node may not do this one's work. Where DDS has no security, nobody may.
    process = run_to_its_end('/outlet', tmp_path)
    assert process.poll() == 2
    assert process.last_words().startswith('error: ROS does not start the node: ')


@pytest.mark.slow
def test_a_stranger_neither_hears_a_secured_system_nor_stops_its_hand(
    node, spin_until, secured, start_replay_decode, tmp_path
):
    from std_msgs.msg import Bool

    from grasp_decoder.nodes.topics import advertise, subscribe

    # Made without keys.
    heard = []
    subscribe(node, HAND_COMMAND, heard.append)
    stop = advertise(node, E_STOP)
    node.create_timer(0.1, lambda: stop.publish(Bool(data=True)))
    secured()
    out = tmp_path / 'out.json'
    run = start_replay_decode(
        *('--session', demo_session(), '--bundle', ready_bundle(), '--hand', 'mujoco'),
        *('--split', 'test', '--trials', 3, '--json', out),
    )
    assert spin_until(lambda: run.poll() is not None, 180)
    error = run.stderr.read()
    if 'security libraries' in error:
        assert run.returncode == 2
        pytest.skip(NO_SECURITY)
    assert run.returncode == 0, error
    result = json.loads(out.read_text())
    assert (result['trials'], result['lost_batches'], result['wrong_bins']) == (3, 0, 0)
    assert result['closed_rate'] == 1.0  # the e-stop would have kept it open
    assert not heard
    assert not {*node.get_node_names()} & {*NODES}

# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""A signed bundle is that of who has the key, to the last byte; the decoder takes no other where keys are trusted."""

import hashlib
import os
import shutil
import subprocess

import pytest

from grasp_decoder.bundle.admission import Admission, admission
from grasp_decoder.bundle.bundle import MANIFEST, SEAL, load_bundle, seal_of, sign_bundle
from grasp_decoder.bundle.export.writing import bundle_draft
from grasp_decoder.bundle.signature import (
    SIGNATURE,
    make_keys,
    read_signing_key,
    read_trusted_keys,
    sign,
    signer_of,
)
from grasp_decoder.errors import GraspDecoderError

from helpers.bundle_samples import make_manifest, make_network, make_trials

TRIALS = make_trials()


@pytest.fixture(scope='module')
def keys(tmp_path_factory):
    """Folder with the keys of two people: their names, and their names with .pub."""
    folder = tmp_path_factory.mktemp('keys')
    for name in ('alice', 'bob'):
        make_keys(folder / name)
    return folder


@pytest.fixture(scope='module')
def signed(keys, tmp_path_factory):
    """A bundle that Alice signed when it was made."""
    out = tmp_path_factory.mktemp('bundles') / 'signed'
    with bundle_draft(out, signing_key=read_signing_key(keys / 'alice')) as draft:
        draft.export([make_network('phase', 'window')], TRIALS, TRIALS, make_manifest())
    return out


@pytest.fixture
def folder(signed, tmp_path):
    return shutil.copytree(signed, tmp_path / 'bundle')


def trusted(keys, *names):
    both = keys.parent / f'trusted_{"_".join(names)}.pem'
    both.write_bytes(b''.join((keys / f'{name}.pub').read_bytes() for name in names))
    return read_trusted_keys(both)


def test_a_trusted_signature_is_accepted(signed, keys):
    (alice,) = trusted(keys, 'alice').keys
    assert load_bundle(signed).signer == alice
    assert load_bundle(signed, trusted(keys, 'bob', 'alice')).signer == alice


def test_a_foreign_signature_is_refused_where_keys_are_trusted(signed, keys):
    with pytest.raises(GraspDecoderError, match='trusted_bob.pem: add its public key'):
        load_bundle(signed, trusted(keys, 'bob'))


def test_an_unsigned_bundle_is_refused_where_keys_are_trusted(folder, keys):
    (folder / SIGNATURE).unlink()
    assert load_bundle(folder).signer == ''
    with pytest.raises(GraspDecoderError, match='is not signed.*bundle sign'):
        load_bundle(folder, trusted(keys, 'alice'))


def test_a_bundle_can_be_signed_later_and_by_others(folder, keys):
    sign_bundle(load_bundle(folder), read_signing_key(keys / 'bob'))
    assert load_bundle(folder, trusted(keys, 'bob')).signer


def test_any_changed_byte_of_any_file_is_refused(folder, keys):
    for path in filter(lambda path: path.is_file(), folder.rglob('*')):
        whole = path.read_bytes()
        for at in {0, len(whole) // 3, len(whole) - 1}:
            path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
            with pytest.raises(GraspDecoderError):
                load_bundle(folder, trusted(keys, 'alice'))
        path.write_bytes(whole)
    assert load_bundle(folder, trusted(keys, 'alice'))


def test_any_changed_bit_of_seal_or_signature_is_refused(keys):
    seal = seal_of('ab' * 32)
    signature = sign(seal, read_signing_key(keys / 'alice'))
    assert signer_of(signature, seal, keys)
    for whole, changed in ((signature, lambda data: (data, seal)), (seal, lambda data: (signature, data))):
        for bit in range(8 * len(whole)):
            data = bytearray(whole)
            data[bit // 8] ^= 1 << bit % 8
            with pytest.raises(GraspDecoderError, match='no signature of this bundle'):
                signer_of(*changed(bytes(data)), keys)
        for data in (whole[:-1], whole + b' ', b''):
            with pytest.raises(GraspDecoderError):
                signer_of(*changed(data), keys)


def test_a_careful_forger_who_seals_again_is_refused(folder, keys):
    data = (folder / MANIFEST).read_bytes().replace(b'"sample"', b'"simple"')
    (folder / MANIFEST).write_bytes(data)
    (folder / SEAL).write_bytes(seal_of(hashlib.sha256(data).hexdigest()))
    with pytest.raises(GraspDecoderError, match='no signature of this bundle'):
        load_bundle(folder, trusted(keys, 'alice'))
    with pytest.raises(GraspDecoderError, match='no signature of this bundle'):
        load_bundle(folder)


def test_only_the_user_may_read_the_secret_key(keys):
    assert (keys / 'alice').stat().st_mode & 0o777 == 0o600
    with pytest.raises(GraspDecoderError, match='alice.pub exists'):
        make_keys(keys / 'alice')


@pytest.mark.parametrize('read', [read_signing_key, read_trusted_keys])
def test_what_is_no_key_is_refused_in_one_line(keys, tmp_path, read):
    os.mkfifo(tmp_path / 'pipe')
    (tmp_path / 'empty').write_bytes(b'')
    (tmp_path / 'cut').write_bytes((keys / 'alice').read_bytes()[:60])
    for name in ('pipe', 'empty', 'cut', 'missing', '.'):
        with pytest.raises(GraspDecoderError, match='cannot be read|holds no'):
            read(tmp_path / name)
    wrong = keys / ('alice.pub' if read is read_signing_key else 'alice')
    with pytest.raises(GraspDecoderError, match='bundle keygen makes a pair'):
        read(wrong)


@pytest.mark.skipif(not shutil.which('openssl'), reason='no OpenSSL to make other keys with')
def test_keys_of_openssl(tmp_path):
    def make(name, *arguments):
        subprocess.run(['openssl', 'genpkey', *arguments, '-out', tmp_path / name], check=True, capture_output=True)
        return tmp_path / name

    seal, key = seal_of('ab' * 32), make('good', '-algorithm', 'ed25519')
    subprocess.run(['openssl', 'pkey', '-in', key, '-pubout', '-out', f'{key}.pub'], check=True)
    assert signer_of(sign(seal, read_signing_key(key)), seal, key) in read_trusted_keys(tmp_path / 'good.pub').keys
    with pytest.raises(GraspDecoderError, match='has a password'):
        read_signing_key(make('locked', '-algorithm', 'ed25519', '-aes256', '-pass', 'pass:secret'))
    with pytest.raises(GraspDecoderError, match='holds no secret Ed25519 key'):
        read_signing_key(make('other', '-algorithm', 'x25519'))


def test_bundles_outside_of_the_allowed_folders_are_refused(folder, tmp_path):
    (tmp_path / 'other').mkdir()
    (tmp_path / 'other' / 'link').symlink_to(folder)
    with pytest.raises(GraspDecoderError, match='lies outside of .*other.*bundle_folders'):
        admission('', str(tmp_path / 'other')).load(str(folder))
    for way_out in ('other/link', f'other/../{folder.name}'):
        with pytest.raises(GraspDecoderError, match='lies outside'):
            admission('', str(tmp_path / 'other')).load(str(tmp_path / way_out))
    assert admission('', f'{tmp_path / "other"}:{tmp_path}').load(str(folder)).path == folder
    beside = Admission().beside(Admission().load(str(folder)))
    assert beside.load(str(folder))
    with pytest.raises(GraspDecoderError, match='lies outside'):
        beside.load('/nowhere')

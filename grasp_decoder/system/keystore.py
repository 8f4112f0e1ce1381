# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""The keys and signed permissions that SROS2 needs, in folders as ``ros2 security`` makes them.

A certificate authority signs who a node is (a certificate) and what it may do (S/MIME, as DDS Security asks for it).
Whoever has its secret key, ``private/ca.key.pem``, can let others in; nodes do not need it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import pkcs7

from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.safe_file import MIB, PRIVATE, read_plain, write_new, written_whole
from grasp_decoder.system.access_policy import Grant, governance, grants, permissions

YEARS = 10
"""How long certificates are valid; `ros2 security` gives them as long."""

AUTHORITY = 'sros2CA'
"""The name in the authority's certificate."""

LONGEST_NAME = 64
"""Letters of a name in a certificate (RFC 5280, ub-common-name)."""


@dataclass(frozen=True)
class _Identity:
    """A certificate and its secret key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)


def make_keystore(folder: Path, domain: int, namespace: str = '') -> list[str]:
    """Make a keystore, or add to one. Keys that are there stay; what nodes may do is written and signed anew.

    Args:
        folder: of the keystore.
        domain: the ROS domain in which the nodes may do what they do.
        namespace: of the system, such as ``/left``; empty for none.

    Returns:
        The enclaves: the name of each node, with its namespace.

    Raises:
        GraspDecoderError: the folder holds something else, or cannot be written, or the namespace is too long.
    """
    given = grants(namespace)
    if any(len(grant.enclave) > LONGEST_NAME for grant in given):
        raise GraspDecoderError(
            f'{namespace} is too long: name and namespace of a node may have {LONGEST_NAME} letters'
        )
    try:
        (folder / 'private').mkdir(mode=0o700, parents=True, exist_ok=True)
        (folder / 'enclaves').mkdir(exist_ok=True)
        (folder / 'public').mkdir(exist_ok=True)
        authority = _authority(folder)
        rules = _signed(folder / 'enclaves' / 'governance', governance(domain), authority)
        for grant in given:
            _write_enclave(folder / 'enclaves' / grant.enclave[1:], grant, domain, rules, authority)
    except OSError as error:
        raise GraspDecoderError(f'keystore {folder}: {error.filename}: {error.strerror}') from error
    return [grant.enclave for grant in given]


def _authority(folder: Path) -> _Identity:
    secret, public = folder / 'private', folder / 'public'
    authority = _identity(AUTHORITY, public / 'ca.cert.pem', secret / 'ca.key.pem')
    for role in ('identity_ca', 'permissions_ca'):
        for link, target in ((public / f'{role}.cert.pem', 'ca.cert.pem'), (secret / f'{role}.key.pem', 'ca.key.pem')):
            if not link.exists():
                link.symlink_to(target)
    return authority


def _write_enclave(folder: Path, grant: Grant, domain: int, rules: bytes, authority: _Identity) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    node = _identity(grant.enclave, folder / 'cert.pem', folder / 'key.pem', authority)
    valid = node.certificate.not_valid_before_utc, node.certificate.not_valid_after_utc
    _signed(folder / 'permissions', permissions(grant, domain, *valid), authority)
    # Copies, so that the folder can be taken to the machine that the node runs on.
    for name, content in (
        ('identity_ca.cert.pem', authority.pem),
        ('permissions_ca.cert.pem', authority.pem),
        ('governance.p7s', rules),
    ):
        _write(folder / name, content)


def _identity(name: str, certificate: Path, key: Path, authority: _Identity | None = None) -> _Identity:
    """The identity in these files; where there is none, a new one, which the authority signs, or itself."""
    if not key.exists():
        made = _new_identity(name, authority)
        _write(certificate, made.pem)
        secret = made.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        write_new(key, secret, PRIVATE)
        return made
    try:
        found = serialization.load_pem_private_key(read_plain(key, MIB), None)
        signed = x509.load_pem_x509_certificate(read_plain(certificate, MIB))
        # A damaged certificate may load, and fail here.
        fit = signed.public_key() == found.public_key()
    except (ValueError, TypeError):
        fit = False
    if not fit or not isinstance(found, ec.EllipticCurvePrivateKey):
        raise GraspDecoderError(f'{key} and {certificate} are no key and its certificate: remove both to make new ones')
    if authority is not None and not _is_signed_by(signed, authority.certificate):
        raise GraspDecoderError(f'{certificate} is not signed by this keystore: remove {key} to make new ones')
    return _Identity(signed, found)


def _is_signed_by(certificate: x509.Certificate, authority: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(authority)
    except (InvalidSignature, ValueError, TypeError):
        return False
    return True


def _new_identity(name: str, authority: _Identity | None) -> _Identity:
    key = ec.generate_private_key(ec.SECP256R1())  # the curve that DDS Security names
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(authority.certificate.subject if authority else subject)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))  # clocks of other machines may be behind
        .not_valid_after(now + timedelta(days=365 * YEARS))
        .public_key(key.public_key())
        .add_extension(x509.BasicConstraints(ca=authority is None, path_length=None if authority else 1), critical=True)
        .sign(authority.key if authority else key, hashes.SHA256())
    )
    return _Identity(certificate, key)


def _signed(path: Path, document: bytes, authority: _Identity) -> bytes:
    """Write a document as ``path.xml``, and signed as ``path.p7s``, whose content is returned."""
    options = [pkcs7.PKCS7Options.Text, pkcs7.PKCS7Options.DetachedSignature]
    builder = pkcs7.PKCS7SignatureBuilder().set_data(document)
    signed = builder.add_signer(authority.certificate, authority.key, hashes.SHA256()).sign(
        serialization.Encoding.SMIME, options
    )
    _write(path.with_name(f'{path.name}.xml'), document)
    _write(path.with_name(f'{path.name}.p7s'), signed)
    return signed


def _write(path: Path, content: bytes) -> None:
    with written_whole(path) as file:
        file.write(content)

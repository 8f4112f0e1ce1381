# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Signatures: who made a bundle. Its seal tells damage; only a signature tells a colleague's bundle from a stranger's.

Keys are PEM files, as OpenSSL writes them: one of a pair signs and stays secret, the other one is given to those who
verify. The file `SIGNATURE` of a bundle is one line with the public key and the Ed25519 signature (RFC 8032) of the
seal, which covers every byte of every other file.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.safe_file import MIB, PRIVATE, read_plain, write_new

SIGNATURE = 'manifest.ed25519'

_PURPOSE = b'grasp_decoder bundle\n'
"""Is signed with the seal, so that a signature made for something else is none of a bundle."""

_LINE = re.compile(rb'ed25519 ([0-9a-f]{64}) ([0-9a-f]{128})\n')
_PUBLIC_PEM = re.compile(rb'-----BEGIN PUBLIC KEY-----.*?-----END PUBLIC KEY-----', re.DOTALL)

SigningKey = Ed25519PrivateKey


@dataclass(frozen=True)
class TrustedKeys:
    """The public keys of those whose bundles are taken.

    Attributes:
        path: the file that they were read from, for messages.
        keys: each as 64 hexadecimal digits.
    """

    path: Path
    keys: frozenset[str]

    def require(self, signer: str, bundle: Path) -> None:
        """Check that one of the keys signed.

        Args:
            signer: public key that signed the bundle, '' if none did.
            bundle: its folder, for the message.

        Raises:
            GraspDecoderError: none of them did.
        """
        if not signer:
            raise GraspDecoderError(
                f'bundle {bundle} is not signed, and only those signed with a key of {self.path} are taken: '
                'sign it with the command bundle sign'
            )
        if signer not in self.keys:
            raise GraspDecoderError(
                f'bundle {bundle} is signed with the key {signer[:16]}, which is not in {self.path}: '
                'add its public key if you trust who signed it'
            )


def make_keys(path: Path) -> tuple[Path, str]:
    """Make a pair of keys: a secret one at ``path``, which only the user may read, and a public one beside it.

    Returns:
        The file of the public key, and the key as 64 hexadecimal digits.

    Raises:
        GraspDecoderError: a file exists, or cannot be written.
    """
    key = Ed25519PrivateKey.generate()
    public = path.with_name(f'{path.name}.pub')
    secret_pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public_pem = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    if public.exists():
        raise GraspDecoderError(f'{public} exists: name another file, or remove it')
    for file, mode, content in ((path, PRIVATE, secret_pem), (public, 0o644, public_pem)):
        write_new(file, content, mode)
    return public, key.public_key().public_bytes_raw().hex()


def read_signing_key(path: Path) -> SigningKey:
    """The secret key of a PEM file.

    Raises:
        GraspDecoderError: it cannot be read, or is no secret Ed25519 key without a password.
    """
    key = _parsed(path, lambda: serialization.load_pem_private_key(_read(path), None))
    if not isinstance(key, Ed25519PrivateKey):
        raise GraspDecoderError(f'{path} holds no secret Ed25519 key in PEM: bundle keygen makes a pair')
    return key


def read_trusted_keys(path: Path) -> TrustedKeys:
    """The public keys of a PEM file, which may hold several, one after the other.

    Raises:
        GraspDecoderError: it cannot be read, or holds something else than public Ed25519 keys.
    """
    content = _read(path)
    keys = set()
    for pem in _PUBLIC_PEM.findall(content) or [content]:
        key = _parsed(path, partial(serialization.load_pem_public_key, pem))
        if not isinstance(key, Ed25519PublicKey):
            raise GraspDecoderError(f'{path} holds no public Ed25519 key in PEM: bundle keygen makes a pair')
        keys.add(key.public_bytes_raw().hex())
    return TrustedKeys(path, frozenset(keys))


def sign(seal: bytes, key: SigningKey) -> bytes:
    """Content of the signature file for that seal."""
    return f'ed25519 {key.public_key().public_bytes_raw().hex()} {key.sign(_PURPOSE + seal).hex()}\n'.encode()


def signer_of(signature: bytes, seal: bytes, path: Path) -> str:
    """The public key that made a signature, as 64 hexadecimal digits.

    Args:
        signature: content of the signature file.
        seal: content of the seal.
        path: the signature file, for messages.

    Raises:
        GraspDecoderError: it is no signature of that seal.
    """
    if (parts := _LINE.fullmatch(signature)) is not None:
        key, made = (bytes.fromhex(part.decode()) for part in parts.groups())
        try:
            Ed25519PublicKey.from_public_bytes(key).verify(made, _PURPOSE + seal)
        except InvalidSignature:
            pass
        else:
            return key.hex()
    raise GraspDecoderError(
        f'{path} is no signature of this bundle: one of them was changed. Copy the bundle again; if you trust what is '
        'there, delete that file and sign the bundle again'
    )


def _read(path: Path) -> bytes:
    try:
        return read_plain(path, MIB)
    except OSError as error:
        raise GraspDecoderError(f'key file {path} cannot be read: {error.strerror}') from error


def _parsed(path: Path, parse: Callable[[], object]) -> object:
    """What ``parse`` gives; None where there is no key."""
    try:
        return parse()
    except TypeError:
        raise GraspDecoderError(f'{path} has a password: give a key without one (openssl pkey -in FILE)') from None
    except (ValueError, UnsupportedAlgorithm):
        return None

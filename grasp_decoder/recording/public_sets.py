# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Public recordings: which there are, and their files, downloaded with resume and checked by their hash.

pooch, the usual library, begins a file anew when the connection breaks; dandi-cli goes on, and brings many packages.
What is needed is little: a request with ``Range``, and SHA-256.
"""

from __future__ import annotations

import fcntl
import hashlib
import http.client
import json
import os
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.safe_file import MIB, read_plain

DANDI = 'https://api.dandiarchive.org/api'
GIN = 'https://gin.g-node.org/INT/multielectrode_grasp/raw/master/datasets'
TRIES = 6
_TIMEOUT_S = 60.0
_PIECE = 1 << 20
_MOST_JSON = 16 * MIB
_MOST_PAGES = 1000


@dataclass(frozen=True)
class PublicFile:
    """One file of a public set.

    Attributes:
        name: of the file, without folders.
        url: where it is.
        size, sha256: as the archive says; None where it does not.
    """

    name: str
    url: str
    size: int | None = None
    sha256: str | None = None


@dataclass(frozen=True)
class PublicSet:
    """A set that has a name here: what it is, and its place at DANDI, or the addresses of its files."""

    about: str
    dandiset: str = ''
    addresses: tuple[str, ...] = ()


SETS = {
    'mc_maze': PublicSet('reaching through mazes, macaque M1 and PMd, NWB (Churchland & Kaufman)', '000128'),
    'mc_rtt': PublicSet("reaching to random targets, macaque M1, NWB (O'Doherty & Sabes)", '000129'),
    'reach_to_grasp': PublicSet(
        'reach-to-grasp, macaque M1 and PMd, sorted .nev (Brochier et al. 2018)',
        addresses=(f'{GIN}/i140703-001-03.nev', f'{GIN}/l101210-001-02.nev'),
    ),
}


def files_of(name: str) -> list[PublicFile]:
    """The files of a set; a name of six digits is a set of DANDI.

    Raises:
        GraspDecoderError: there is no such set, or its archive does not answer as it should.
    """
    known = SETS.get(name, PublicSet('', dandiset=name if len(name) == 6 and name.isdecimal() else ''))
    if known.dandiset:
        files = list(_files_of_dandiset(known.dandiset))
        if not files:
            raise GraspDecoderError(f'{known.dandiset} of DANDI has no files')
        if len({file.name for file in files}) < len(files):
            raise GraspDecoderError(f'several files of {known.dandiset} have one name: download it with dandi-cli')
        return files
    if not known.addresses:
        raise GraspDecoderError(
            f'no public set is called "{name}": name one of {", ".join(SETS)}, or six digits of DANDI'
        )
    return [PublicFile(PurePosixPath(urllib.parse.urlparse(url).path).name, url) for url in known.addresses]


def _files_of_dandiset(number: str) -> Iterator[PublicFile]:
    about = _json(f'{DANDI}/dandisets/{number}/')
    try:
        version = about['most_recent_published_version'] or about['draft_version']
        page = f'{DANDI}/dandisets/{number}/versions/{version["version"]}/assets/?page_size=100'
        for _ in range(_MOST_PAGES):
            listed = _json(page)
            for each in listed['results']:
                asset = f'{DANDI}/assets/{urllib.parse.quote(str(each["asset_id"]))}/'
                digest = _json(asset)['digest']['dandi:sha2-256']
                name = PurePosixPath(str(each['path'])).name
                yield PublicFile(name, f'{asset}download/', int(each['size']), str(digest))
            page = listed['next']
            if not page:
                return
    except (KeyError, TypeError, ValueError) as error:
        raise GraspDecoderError(f'DANDI describes {number} in another way than is known here ({error!r})') from None


def _json(url: str) -> Any:
    try:
        with urllib.request.urlopen(url, timeout=_TIMEOUT_S) as answer:
            return json.loads(answer.read(_MOST_JSON))
    except (OSError, ValueError, http.client.HTTPException) as error:
        answered = isinstance(error, urllib.error.HTTPError)
        ask = 'is there such a set?' if answered else 'is there a connection to the internet?'
        raise GraspDecoderError(f'{url}: {_why(error)}; {ask}') from None


def fetch(file: PublicFile, folder: Path, tell: Callable[[str], Any], wait_s: float = 2.0) -> Path:
    """Download a file, or go on with one that was begun; what is there already stays.

    It waits while another process downloads into the same folder.

    Args:
        tell: gets a line about what is done.
        wait_s: before the connection is tried again, and twice as long each time.

    Raises:
        GraspDecoderError: it cannot be had, or is not the file that the archive describes.
    """
    if not file.name or file.name in ('.', '..') or file.name.endswith('.part'):
        raise GraspDecoderError(f'{file.url}: a file that is called "{file.name}" is not downloaded')
    whole = folder / file.name
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _alone(folder, tell):
            _fetch(file, whole, tell, wait_s)
    except OSError as error:
        raise GraspDecoderError(f'{whole}: cannot be written: {error.strerror}') from None
    return whole


@contextmanager
def _alone(folder: Path, tell: Callable[[str], Any]) -> Iterator[None]:
    """Wait until no other process holds the folder, and hold it. The kernel releases it, however the process ends."""
    held = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            tell(f'{folder}: waiting for another fetch into it')
            fcntl.flock(held, fcntl.LOCK_EX)
        yield
    finally:
        os.close(held)


def _fetch(file: PublicFile, whole: Path, tell: Callable[[str], Any], wait_s: float) -> None:
    part, seen = (whole.with_name(whole.name + end) for end in ('.part', '.sha256'))
    noted = read_plain(seen, MIB).decode(errors='replace').split() if seen.is_file() else []
    expected = file.sha256 or (noted[0] if noted else None)
    if whole.is_file() and expected == _sha256(whole):
        tell(f'{whole}: is there already')
        return
    for number in range(TRIES):
        try:
            _go_on(file, part, tell)
            break
        except (OSError, http.client.HTTPException, _Broken) as error:
            if isinstance(error, urllib.error.HTTPError) and error.code == 416 and part.is_file():
                part.unlink()  # it may be whole, or of another file: nobody says
                error = _Broken('what is there cannot be gone on with')
            if number == TRIES - 1 or (isinstance(error, urllib.error.HTTPError) and error.code < 500):
                raise GraspDecoderError(
                    f'{file.url}: {_why(error)}; the same command goes on where it stopped'
                ) from None
            tell(f'{file.name}: {_why(error)}, trying again')
            time.sleep(wait_s * 2**number)
    found = _sha256(part)
    if expected not in (None, found):
        part.unlink()
        raise GraspDecoderError(f'{file.url}: what came has the SHA-256 {found}, not {expected}: it was deleted')
    part.rename(whole)
    seen.write_text(f'{found}  {file.name}\n')
    known = 'as the archive says' if file.sha256 else 'the archive names none to compare it with'
    tell(f'{whole}: {whole.stat().st_size / MIB:.1f} MiB, SHA-256 {found}, {known}')


class _Broken(Exception):
    """The connection ended before the file did."""


def _go_on(file: PublicFile, part: Path, tell: Callable[[str], Any]) -> None:
    """Add to a file what is missing of it."""
    there = part.stat().st_size if part.is_file() else 0
    if file.size is not None and there >= file.size:
        if there > file.size:
            part.unlink()
            raise _Broken('more is there than the file has')
        return
    request = urllib.request.Request(file.url, headers={'Range': f'bytes={there}-'} if there else {})
    with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as answer:
        goes_on = answer.status == 206
        there = there if goes_on else 0  # a server that knows no ranges sends all of it
        length = answer.headers['Content-Length']
        size = file.size if file.size is not None else None if length is None else there + int(length)
        tell(f'{file.name}: from {there / MIB:.1f}' + ('' if size is None else f' of {size / MIB:.1f} MiB'))
        with open(part, 'ab' if goes_on else 'wb') as out:
            while piece := answer.read(_PIECE):
                there += len(piece)
                if size is not None and there > size:
                    raise GraspDecoderError(f'{file.url}: more comes than the {size} bytes that were announced')
                out.write(piece)
    if size is not None and there < size:
        raise _Broken(f'the connection ended after {there} of {size} bytes')


def _sha256(path: Path) -> str:
    with open(path, 'rb') as file:
        return hashlib.file_digest(file, 'sha256').hexdigest()


def _why(error: Exception) -> str:
    if isinstance(error, urllib.error.HTTPError):
        return f'the server says {error.code} {error.reason}'
    reason = getattr(error, 'reason', error)
    return str(getattr(reason, 'strerror', None) or reason) or type(error).__name__


def listed() -> str:
    """The sets that have a name here, a line each."""
    return '\n'.join(f'{name:15} {each.about}' for name, each in SETS.items())

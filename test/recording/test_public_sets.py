# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Public sets are downloaded from a server of the test that breaks off, goes on, and lies."""

import hashlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import pytest

from grasp_decoder.cli.fetch import main as fetch_set
from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.recording import public_sets
from grasp_decoder.recording.public_sets import PublicFile, fetch

CONTENT = bytes(range(256)) * 400
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Archive(BaseHTTPRequestHandler):
    """Answers as DANDI does, and breaks off every download after ``breaks_after`` bytes."""

    breaks_after = len(CONTENT)
    ranges = True
    asked: ClassVar[list] = []

    def do_GET(self):
        here = f'http://localhost:{self.server.server_address[1]}'
        pages = {
            '/dandisets/000128/': {'most_recent_published_version': {'version': '0.1'}, 'draft_version': None},
            '/dandisets/000128/versions/0.1/assets/?page_size=100': {
                'results': [{'asset_id': 'a1', 'path': 'sub-J/../sub-J_ecephys.nwb', 'size': len(CONTENT)}],
                'next': f'{here}/second',
            },
            '/second': {'results': [], 'next': None},
            '/assets/a1/': {'digest': {'dandi:sha2-256': SHA256}},
            '/dandisets/000129/': {'other': 1},
            '/dandisets/000131/': {'most_recent_published_version': None, 'draft_version': {'version': 'draft'}},
            '/dandisets/000131/versions/draft/assets/?page_size=100': {'results': [], 'next': None},
        }
        if self.path in pages:
            return self.answer(200, json.dumps(pages[self.path]).encode())
        if self.path not in ('/assets/a1/download/', '/x.nev'):
            return self.send_error(404)
        wanted = self.headers.get('Range')
        self.asked.append(wanted)
        start = int(wanted.removeprefix('bytes=').removesuffix('-')) if wanted and self.ranges else 0
        if start >= len(CONTENT):
            return self.send_error(416)
        return self.answer(206 if start else 200, CONTENT[start:], self.breaks_after)

    def answer(self, status, content, most=None):
        self.send_response(status)
        self.send_header('Content-Length', str(len(content)))
        self.end_headers()
        self.wfile.write(content[:most])

    def log_message(self, *words):
        pass


@pytest.fixture
def archive(monkeypatch):
    server = ThreadingHTTPServer(('localhost', 0), Archive)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    monkeypatch.setattr(Archive, 'asked', [])
    address = f'http://localhost:{server.server_address[1]}'
    monkeypatch.setattr(public_sets, 'DANDI', address)
    yield address
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_set_is_downloaded_checked_and_not_downloaded_again(archive, tmp_path, capsys):
    for _ in range(2):
        assert fetch_set(['mc_maze', '--out', str(tmp_path / 'my sets')]) == 0
    assert (tmp_path / 'my sets' / 'sub-J_ecephys.nwb').read_bytes() == CONTENT
    assert Archive.asked == [None]
    said = capsys.readouterr().out
    assert f'SHA-256 {SHA256}, as the archive says' in said and 'is there already' in said
    assert fetch_set(['000128', '--list']) == 0
    assert capsys.readouterr().out == '     0.1 MiB  sub-J_ecephys.nwb\n'


@pytest.mark.parametrize('ranges', [True, False])
def test_a_download_that_breaks_off_goes_on_where_it_was(archive, tmp_path, monkeypatch, ranges):
    monkeypatch.setattr(Archive, 'breaks_after', 30_000 if ranges else len(CONTENT))
    monkeypatch.setattr(Archive, 'ranges', ranges)
    (tmp_path / 'x.nev.part').write_bytes(CONTENT[:10_000])
    file = PublicFile('x.nev', f'{archive}/x.nev', len(CONTENT), SHA256)
    assert fetch(file, tmp_path, lambda line: None, wait_s=0.0).read_bytes() == CONTENT
    starts = range(10_000, len(CONTENT), 30_000) if ranges else [10_000]
    assert Archive.asked == [f'bytes={start}-' for start in starts]
    assert sorted(each.name for each in tmp_path.iterdir()) == ['x.nev', 'x.nev.sha256']


def test_a_second_download_into_the_folder_waits_for_the_first(archive, tmp_path):
    file, said, waits = PublicFile('x.nev', f'{archive}/x.nev', len(CONTENT), SHA256), [], threading.Event()

    def tell_second(line):
        said.append(line)
        waits.set()

    second = threading.Thread(target=fetch, args=(file, tmp_path, tell_second), daemon=True)

    def tell_first(line):
        if not second.ident:
            second.start()
            assert waits.wait(60)

    fetch(file, tmp_path, tell_first)
    second.join(60)
    assert Archive.asked == [None]
    assert said == [f'{tmp_path}: waiting for another fetch into it', f'{tmp_path / "x.nev"}: is there already']


def test_what_never_ends_stays_for_the_next_time(archive, tmp_path, monkeypatch):
    monkeypatch.setattr(Archive, 'breaks_after', 1000)
    with pytest.raises(GraspDecoderError, match='ended after 6000 of 102400 bytes; the same command goes on'):
        fetch(PublicFile('x.nev', f'{archive}/x.nev', len(CONTENT)), tmp_path, lambda line: None, wait_s=0.0)
    assert (tmp_path / 'x.nev.part').read_bytes() == CONTENT[:6000]


def test_another_file_than_the_archive_describes_is_deleted(archive, tmp_path):
    file = PublicFile('x.nev', f'{archive}/x.nev', len(CONTENT), '0' * 64)
    with pytest.raises(GraspDecoderError, match=f'has the SHA-256 {SHA256}, not 0000'):
        fetch(file, tmp_path, lambda line: None)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(GraspDecoderError, match='more comes than the 1000 bytes'):
        fetch(PublicFile('x.nev', f'{archive}/x.nev', 1000), tmp_path, lambda line: None)


def test_a_file_without_a_hash_is_known_the_next_time(archive, tmp_path):
    said = []
    for _ in range(2):
        fetch(PublicFile('x.nev', f'{archive}/x.nev'), tmp_path, said.append)
    assert said[1].endswith('the archive names none to compare it with') and said[2].endswith('is there already')
    (tmp_path / 'x.nev').write_bytes(b'damaged')
    assert fetch(PublicFile('x.nev', f'{archive}/x.nev'), tmp_path, said.append).read_bytes() == CONTENT


def test_a_part_that_cannot_be_gone_on_with_and_an_empty_note_of_a_hash_are_left_behind(archive, tmp_path):
    (tmp_path / 'x.nev.part').write_bytes(CONTENT)
    (tmp_path / 'x.nev.sha256').write_bytes(b'')
    file = PublicFile('x.nev', f'{archive}/x.nev')
    assert fetch(file, tmp_path, lambda line: None, wait_s=0.0).read_bytes() == CONTENT
    assert Archive.asked == [f'bytes={len(CONTENT)}-', None]


@pytest.mark.parametrize(
    'name, problem',
    [
        ('nothing', 'no public set is called "nothing": name one of mc_maze, mc_rtt, reach_to_grasp'),
        ('000129', 'DANDI describes 000129 in another way'),
        ('000130', 'the server says 404 Not Found; is there such a set?'),
        ('000131', '000131 of DANDI has no files'),
    ],
)
def test_what_cannot_be_fetched_is_one_line(archive, tmp_path, capsys, name, problem):
    assert fetch_set([name, '--out', str(tmp_path)]) == 2
    error = capsys.readouterr().err
    assert problem in error and error.count('\n') == 1


def test_a_name_cannot_leave_the_folder(archive, tmp_path):
    for name in ('..', ''):
        with pytest.raises(GraspDecoderError, match='is not downloaded'):
            fetch(PublicFile(name, f'{archive}/x.nev'), tmp_path, lambda line: None)

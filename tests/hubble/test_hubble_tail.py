"""Following export files: whatever the exporter and the clock do, a flow counts once or a gap says so."""

from __future__ import annotations

import gzip
import json
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.live.hubble.followed import PIECE_BYTES
from collectors.live.hubble.tail import Tail
from tests.examples import examples

NOW = 1_790_000_000_000_000


class Exporter:
    """Writes and rotates as Hubble's exporter does; lines are numbered."""

    def __init__(self, folder: Path) -> None:
        self.active = folder / "events.log"
        self.written = 0
        self.rotations = 0
        self.half = b""
        self.never = set[int]()
        """Lines that were cut off before they were whole."""
        self.active.touch()

    def line(self) -> bytes:
        self.written += 1
        padding = "x" * (2_000 if self.written % 7 == 0 else 3)
        return json.dumps({"n": self.written, "pad": padding}).encode() + b"\n"

    def append(self, data: bytes) -> None:
        with self.active.open("ab") as out:
            out.write(data)

    def whole(self) -> None:
        self.append(self.half + self.line())
        self.half = b""

    def broken(self, at: int) -> None:
        """The beginning of a line, or of the one that was begun its rest."""
        if self.half:
            self.append(self.half)
            self.half = b""
        else:
            line = self.line()
            self.append(line[:at])
            self.half = line[at:]

    def rotate(self) -> None:
        """A file that is full; an empty one never is."""
        self.append(self.half)
        self.half = b""
        if not self.active.stat().st_size:
            return
        self.rotations += 1
        self.active.rename(self.active.with_name(f"events-2026-11-25T16-00-00.{self.rotations:03d}.log"))
        self.active.touch()

    def backups(self) -> list[Path]:
        return sorted(self.active.parent.glob("events-*"))

    def compress(self) -> None:
        for plain in [b for b in self.backups() if b.suffix == ".log"][:1]:
            plain.with_name(plain.name + ".gz").write_bytes(gzip.compress(plain.read_bytes()))
            plain.unlink()

    def prune(self) -> None:
        for oldest in self.backups()[:1]:
            oldest.unlink()

    def cut(self) -> None:
        if self.half:
            self.never.add(self.written)
        self.half = b""
        self.active.write_bytes(b"")

    def kept(self) -> set[int]:
        """Numbers of the lines that are still on disk and whole."""
        texts = [
            gzip.decompress(b.read_bytes()) if b.suffix == ".gz" else b.read_bytes() for b in self.backups()
        ]
        texts.append(self.active.read_bytes())
        return {
            json.loads(line)["n"] for text in texts for line in text.splitlines(True) if line[-1:] == b"\n"
        }


STEPS = ("whole", "whole", "broken", "look", "look", "rotate", "compress", "prune", "cut", "restart")


class Reader:
    """The tail with what it gave; its cursor goes through JSON at each restart."""

    def __init__(self, patterns: list[str]) -> None:
        self.patterns, self.tail = patterns, Tail(patterns, None)
        self.lines: list[int] = []
        self.gaps: list[str] = []
        self.looks = 0

    def look(self) -> None:
        self.looks += 1
        for piece in self.tail.pieces(NOW + self.looks):
            self.lines.extend(json.loads(line)["n"] for line in piece.lines.splitlines())
            if piece.gap is not None:
                assert 0 <= piece.gap.start <= piece.gap.end <= NOW + self.looks
                self.gaps.append(piece.gap.kind)

    def knows(self, path: Path) -> bool:
        """Whether it has read of it; its inode may have been another file's before."""
        place = (str(path), path.stat().st_ino)
        return any((f["path"], f["inode"]) == place and f["offset"] for f in self.tail.cursor()["files"])

    def restart(self) -> None:
        cursor = json.loads(json.dumps(self.tail.cursor()))
        self.tail.close()
        self.tail = Tail(self.patterns, cursor)


@settings(max_examples=examples(150), deadline=None)
@given(st.lists(st.tuples(st.sampled_from(STEPS), st.integers(1, 12)), max_size=40))
def test_every_line_comes_once_or_a_gap_says_so(steps):
    """A flow read twice doubles a bill; one lost without a word makes the bill look complete."""
    with tempfile.TemporaryDirectory() as folder:
        exporter = Exporter(Path(folder))
        reader = Reader([f"{folder}/events.log"])
        reader.look()
        for step, at in steps:
            if step == "broken":
                exporter.broken(at)
            elif step == "cut":
                if not reader.knows(exporter.active):
                    reader.look()  # nobody can see that a file was longer in which nothing was seen
                exporter.cut()
            else:
                getattr(reader if step in ("look", "restart") else exporter, step)()
        for _ in range(3):
            reader.look()
        reader.tail.close()
        assert len(reader.lines) == len(set(reader.lines)), "a line came twice"
        assert exporter.kept() <= set(reader.lines), "a line on disk was not read"
        whole = set(range(1, exporter.written + (0 if exporter.half else 1)))
        if lost := whole - exporter.never - set(reader.lines):
            assert reader.gaps, f"lost without a gap: {lost}"
        if reader.gaps:
            assert {step for step, _ in steps} & {"prune", "cut", "restart"}, "a gap without a loss"


def test_half_a_line_does_not_tell_a_file_from_others(tmp_path):
    """A file that was packed meanwhile begins with the same bytes: its lines would come a second time."""
    half, whole = tmp_path / "a.log", tmp_path / "b.log"
    half.write_bytes(b"{")
    whole.write_bytes(b'{"n":2}\n')
    tail = Tail([str(half), str(whole)], None)
    assert pieces(tail) == [b'{"n":2}\n']
    half.unlink()
    packed = tmp_path / "b-2026-11-25T16-00-00.001.log.gz"
    packed.write_bytes(gzip.compress(whole.read_bytes()))
    whole.unlink()
    whole.touch()
    assert pieces(tail) == []
    tail.close()


def pieces(tail: Tail) -> list[bytes]:
    return [piece.lines for piece in tail.pieces(NOW) if piece.lines]


def test_half_a_line_waits_for_its_rest(tmp_path):
    """A flow that is being written is not malformed."""
    file = tmp_path / "events.log"
    file.write_bytes(b'{"n":1}\n{"n"')
    tail = Tail([str(file)], None)
    assert pieces(tail) == [b'{"n":1}\n'] and pieces(tail) == []
    with file.open("ab") as out:
        out.write(b":2}\n")
    assert pieces(tail) == [b'{"n":2}\n']
    tail.close()


def test_a_line_without_end_is_passed_over_and_counted(tmp_path):
    """Garbage of many megabytes must neither fill the memory nor hide the flows after it."""
    file = tmp_path / "events.log"
    file.write_bytes(b'{"n":1}\n' + b"x" * (2 * PIECE_BYTES + 5) + b'\n{"n":2}\n')
    tail = Tail([str(file)], None)
    found = list(tail.pieces(NOW))
    assert [p.lines for p in found if p.lines] == [b'{"n":1}\n', b'{"n":2}\n']
    assert sum(p.too_long for p in found) == 1
    tail.close()


def test_a_new_file_under_an_old_inode_is_read_from_its_beginning(tmp_path):
    """File systems hand out inodes again: by the inode alone the new file's first flows would be skipped."""
    file = tmp_path / "events.log"
    file.write_bytes(b'{"n":1}\n')
    tail = Tail([str(file)], None)
    assert pieces(tail) == [b'{"n":1}\n']
    cursor = tail.cursor()
    tail.close()
    file.write_bytes(b'{"n":2, "longer than before": true}\n')  # the same inode
    tail = Tail([str(file)], cursor)
    assert pieces(tail) == [b'{"n":2, "longer than before": true}\n']
    [gap] = [piece.gap for piece in tail.pieces(NOW + 5) if piece.gap]
    assert (gap.kind, gap.start, gap.end) == ("file_gone", NOW, NOW + 5)
    assert list(tail.pieces(NOW + 6)) == []
    tail.close()


def test_a_packed_file_that_is_broken_gives_its_whole_lines_and_a_gap(tmp_path):
    """A disk that was full while a backup was packed must not stop the collector, nor pass for complete."""
    lines = b"".join(b'{"n":%d, "pad":"%d"}\n' % (n, hash(n) ** 3) for n in range(1, 5_000))
    packed = gzip.compress(lines)
    (tmp_path / "events-2026-11-25T16-00-00.001.log.gz").write_bytes(packed[: len(packed) // 2])
    (tmp_path / "events.log").write_bytes(b'{"n":0}\n')
    tail = Tail([str(tmp_path)], None)
    found = list(tail.pieces(NOW))
    assert b'{"n":0}\n' in [p.lines for p in found]
    assert [p.gap.kind for p in found if p.gap] == ["file_unreadable"]
    given = b"".join(p.lines for p in found).replace(b'{"n":0}\n', b"")
    assert len(given) > len(lines) // 3 and lines.startswith(given)
    assert list(tail.pieces(NOW)) == []
    cursor = tail.cursor()
    tail.close()
    tail = Tail([str(tmp_path)], cursor)
    assert list(tail.pieces(NOW)) == []
    tail.close()


def test_several_exporters_and_their_backups_are_found_by_pattern_or_folder(tmp_path):
    """A dynamic export writes a file of its own for each purpose."""
    for name in ("a.log", "b.log", "a-2026-11-25T16-00-00.001.log", "a-other.log"):
        (tmp_path / name).write_bytes(b'{"file":"%s"}\n' % name.encode())
    for patterns, count in (([str(tmp_path)], 4), ([f"{tmp_path}/*.log"], 4), ([f"{tmp_path}/a.log"], 2)):
        tail = Tail(patterns, None)
        assert len(pieces(tail)) == count
        tail.close()

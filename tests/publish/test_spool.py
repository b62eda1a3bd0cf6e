"""The spool on disk: order, restarts, torn ends, limits."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.publish.framing import MAGIC, Entry, frames, pack
from collectors.publish.segment import Segment
from collectors.publish.spool import Spool, SpoolFull
from pipeline.errors import PreflightFailed
from pipeline.events import Message

LIMIT = 4_000_000


def message(number: int, size: int = 10) -> Message:
    headers = {"ce_source": "s", "ce_sequence": str(number)}
    return Message("driftledger.label", "", 0, 0, number, headers, bytes(size), b"s")


def numbers(spool: Spool) -> list[int]:
    """All that has not been given out, in the order in which it comes."""
    return [given[1].timestamp for given in iter(spool.next, None)]


def filled(folder: Path, count: int, *, size: int = 10, limit: int = LIMIT) -> Spool:
    spool = Spool.open(folder, limit)
    for number in range(count):
        spool.append(message(number, size), at=float(number))
    return spool


ENTRIES = st.lists(
    st.integers(0, 300).map(lambda size: Entry(1.5, message(size, size))), min_size=1, max_size=5
)


@given(entries=ENTRIES, data=st.data())
def test_a_cut_file_loses_only_what_was_cut(entries: list[Entry], data: st.DataObject) -> None:
    """A process killed while it writes loses the message it was writing, and no other."""
    parts = [MAGIC, *map(pack, entries)]
    cut = data.draw(st.integers(0, sum(map(len, parts))))
    whole = [n for n in range(len(entries)) if sum(map(len, parts[: n + 2])) <= cut]
    assert [frame.entry for frame in frames(b"".join(parts)[:cut])] == [entries[n] for n in whole]


@given(entries=ENTRIES, data=st.data())
def test_a_flipped_bit_is_seen(entries: list[Entry], data: st.DataObject) -> None:
    """A message that the disk has changed is never sent; those before it are."""
    parts = [MAGIC, *map(pack, entries)]
    whole = b"".join(parts)
    at = data.draw(st.integers(0, len(whole) - 1))
    flipped = bytearray(whole)
    flipped[at] ^= 1 << data.draw(st.integers(0, 7))
    hit = next(n for n in range(len(parts)) if at < sum(map(len, parts[: n + 1])))
    assert [frame.entry for frame in frames(bytes(flipped))] == entries[: max(hit - 1, 0)]


@given(
    steps=st.lists(
        st.sampled_from(["append", "prepend", "next", "release", "rewind", "restart"]), max_size=60
    )
)
def test_order_survives_whatever_is_done(tmp_path_factory: pytest.TempPathFactory, steps: list[str]) -> None:
    """Messages come out in order; after a restart none that was not released is gone."""
    folder = tmp_path_factory.mktemp("spool")
    spool = Spool.open(folder, LIMIT)
    waiting: list[int] = []
    given_out = 0
    first, last = 10_000, 10_000
    for step in steps:
        if step == "append":
            spool.append(message(last, 150_000), at=1.0)
            waiting.append(last)
            last += 1
        elif step == "prepend":
            first -= 2
            spool.prepend([message(first), message(first + 1)], at=1.0)
            waiting[:0] = [first, first + 1]
            given_out = 0
        elif step == "next":
            got = spool.next()
            assert (got is None) == (given_out == len(waiting))
            if got is not None:
                assert got[1].timestamp == waiting[given_out]
                given_out += 1
        elif step == "release":
            spool.release(None)
            del waiting[:given_out]
            given_out = 0
        elif step == "rewind":
            spool.rewind()
            given_out = 0
        else:
            spool.close()
            spool = Spool.open(folder, LIMIT)
            found = numbers(spool)
            assert set(waiting) <= set(found), "what was not released comes again"
            assert found == sorted(found)
            waiting = found
            spool.rewind()
            given_out = 0
        assert spool.messages == len(waiting)
    assert spool.torn_bytes == 0
    spool.release(None)
    numbers(spool)
    spool.release(None)
    assert (spool.messages, spool.bytes, spool.oldest) == (0, 0, None)
    spool.close()


def test_a_torn_end_is_cut_and_said(tmp_path: Path) -> None:
    """After kill -9 or a power cut the operator reads what was lost, and the rest goes on its way."""
    spool = filled(tmp_path, 5)
    spool.close()
    (file,) = tmp_path.glob("*.spool")
    file.write_bytes(file.read_bytes()[:-3])
    spool = Spool.open(tmp_path, LIMIT)
    assert numbers(spool) == [0, 1, 2, 3]
    assert spool.torn_bytes > 0
    spool.append(message(9), at=1.0)
    assert numbers(spool) == [9]
    spool.close()


def test_a_byte_that_changes_while_we_run_is_seen_too(tmp_path: Path) -> None:
    """A disk that fails must not send garbage, nor stop what comes after."""
    spool = filled(tmp_path, 5)
    (file,) = tmp_path.glob("*.spool")
    with file.open("r+b") as raw:
        raw.seek(file.stat().st_size // 2)
        raw.write(b"\xff\xff")
    before = spool.bytes
    assert numbers(spool) == [0, 1]
    assert spool.torn_bytes == before - spool.bytes
    spool.append(message(9), at=1.0)
    assert numbers(spool) == [9]
    spool.release(None)
    assert spool.messages == 0
    spool.close()


def test_what_was_lost_came_after_what_was_given_out_before_it(tmp_path: Path) -> None:
    """A gap that begins too late tells a reader that minutes are whole which are not."""
    spool = Spool.open(tmp_path, LIMIT)
    for number in range(5):
        spool.append(message(number), at=100.0 + number)
    places = [spool.next() for _ in range(4)]
    assert places[0] is not None
    spool.release(2)
    spool.rewind()
    (file,) = tmp_path.glob("*.spool")
    with file.open("r+b") as raw:
        raw.seek(file.stat().st_size // 4)
        raw.write(b"\xff\xff")
    assert numbers(spool) == []
    assert [loss.since for loss in spool.losses] == [100.0]
    spool.close()


def test_a_disk_that_does_not_answer_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A network disk that is away for a second would cost all that waits, whose sources are past it."""
    spool = filled(tmp_path, 5)
    given = spool.next()
    with monkeypatch.context() as patched:
        patched.setattr(os, "pread", _no_answer)
        for _ in range(2):
            with pytest.raises(OSError):
                spool.next()
    assert given is not None and [given[1].timestamp, *numbers(spool)] == [0, 1, 2, 3, 4]
    assert (spool.torn_bytes, spool.losses) == (0, [])
    spool.close()


def _no_answer(*_: object) -> bytes:
    raise OSError(errno.EIO, "Input/output error")


def test_the_limit_is_kept_and_room_comes_back(tmp_path: Path) -> None:
    """A spool that grows without bound fills the node's disk; one that drops at its limit loses events."""
    spool = Spool.open(tmp_path, LIMIT)
    count = 0
    with pytest.raises(SpoolFull, match="spool_bytes"):
        while True:
            spool.append(message(count, 100_000), at=1.0)
            count += 1
    on_disk = sum(file.stat().st_size for file in tmp_path.glob("*.spool"))
    assert LIMIT * 0.9 < on_disk == spool.bytes <= LIMIT
    for _ in range(10):
        spool.next()
    spool.release(None)
    spool.append(message(count, 100_000), at=1.0)
    assert numbers(spool) == list(range(10, count + 1))
    spool.close()


def test_a_full_disk_is_a_full_spool(small_disk: Path) -> None:
    """Whatever else fills the disk: nothing half-written is left, nothing is lost, room is used again."""
    spool = Spool.open(small_disk, LIMIT)
    count = 0
    with pytest.raises(SpoolFull, match="No space left"):
        while True:
            spool.append(message(count, 100_000), at=1.0)
            count += 1
    with pytest.raises(SpoolFull, match="No space left"):
        spool.prepend([message(-1, 200_000)], at=1.0)
    spool.close()
    spool = Spool.open(small_disk, LIMIT)
    assert numbers(spool) == list(range(count)) and spool.torn_bytes == 0
    spool.release(None)
    spool.append(message(count, 100_000), at=1.0)
    spool.close()


def test_two_processes_do_not_share_a_spool(tmp_path: Path) -> None:
    """Two writers of one file would tear each other's messages."""
    spool = Spool.open(tmp_path, LIMIT)
    with pytest.raises(PreflightFailed, match="another process uses it"):
        Spool.open(tmp_path, LIMIT)
    spool.close()
    Spool.open(tmp_path, LIMIT).close()


def test_a_folder_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    """The user reads which folder and why, at the start."""
    (tmp_path / "file").touch()
    with pytest.raises(PreflightFailed, match="file cannot be used"):
        Spool.open(tmp_path / "file", LIMIT)


def test_a_file_that_is_none_of_ours_is_said(tmp_path: Path) -> None:
    """Not a word of it reaches the broker."""
    (tmp_path / f"{7:016d}.spool").write_bytes(os.urandom(100))
    spool = Spool.open(tmp_path, LIMIT)
    assert (spool.next(), spool.torn_bytes) == (None, 100)
    spool.close()


def test_a_segment_is_read_while_it_is_written(tmp_path: Path) -> None:
    """Draining does not wait for a file to be full."""
    segment = Segment.create(tmp_path / f"{1:016d}.spool")
    segment.append(Entry(1.0, message(1)))
    frame = segment.read(len(MAGIC))
    assert frame.entry.message == message(1) and frame.end == segment.size
    segment.close()

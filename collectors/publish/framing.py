"""How messages lie in a file, so that a torn or flipped byte is seen: length, checksum, content.

A file is `MAGIC` and then frames.  What follows the first frame that is not whole is of no use: it was
written later, and behind a hole it would make the ledger take the hole for a duplicate.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from pipeline.events import Message

MAGIC = b"DLSPOOL1"
HEAD_BYTES = 8
_HEAD = struct.Struct("<II")


class Entry(msgspec.Struct, array_like=True, gc=False):
    """A message, and when it was spooled in seconds since 1970."""

    at: float
    message: Message


class Frame(NamedTuple):
    """A whole entry and the place where the next one begins."""

    entry: Entry
    end: int


class Torn(Exception):
    """No whole frame begins here."""


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(Entry)


def pack(entry: Entry) -> bytes:
    content = _ENCODER.encode(entry)
    return _HEAD.pack(len(content), _checksum(len(content), content)) + content


def length(head: bytes) -> int:
    """Bytes of the content that follows this head; raises Torn where it is no head."""
    if len(head) < HEAD_BYTES:
        raise Torn("the head is not whole")
    return int(_HEAD.unpack(head)[0])


def unpack(head: bytes, content: bytes) -> Entry:
    """Raises Torn where the content is not what was written."""
    size, checksum = _HEAD.unpack(head)
    if len(content) != size or _checksum(size, content) != checksum:
        raise Torn("the checksum differs")
    try:
        return _DECODER.decode(content)
    except msgspec.MsgspecError as error:
        raise Torn(str(error)) from error


def _checksum(size: int, content: bytes) -> int:
    """Of the length too: a flipped bit in it must not make another frame."""
    return zlib.crc32(content, zlib.crc32(size.to_bytes(4, "little")))


def frames(data: bytes) -> Iterator[Frame]:
    """The whole frames of a file from its beginning, up to the first that is not whole."""
    if not data.startswith(MAGIC):
        return
    at = len(MAGIC)
    while at < len(data):
        head = data[at : at + HEAD_BYTES]
        try:
            start = at + HEAD_BYTES
            at = start + length(head)
            entry = unpack(head, data[start:at])
        except Torn:
            return
        yield Frame(entry, at)

"""Tensors whose values follow the JSON as bytes: the binary data extension of the Open Inference Protocol.

Where the JSON ends is told by `Inference-Header-Content-Length`, which loggers do not pass on.  So it is
found by the JSON itself, and holds only where what follows has as many bytes as the tensors say.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Iterator
from typing import Any

import msgspec

from pipeline.wire.limits import MAX_CELLS

_KINDS = {
    "BOOL": "?", "UINT8": "B", "UINT16": "H", "UINT32": "I", "UINT64": "Q", "INT8": "b", "INT16": "h",
    "INT32": "i", "INT64": "q", "FP16": "e", "FP32": "f", "FP64": "d",
}  # fmt: skip
_TEXT = json.JSONDecoder()


def opened(body: bytes) -> dict[str, Any] | None:
    """The JSON object with its tensors' values in `data`; None where bytes and sizes do not agree.

    Raises ValueError for values that are none of their datatype and shape.
    """
    try:
        # Each byte one character, so that places in the text are places in the bytes.
        _, end = _TEXT.raw_decode(body.decode("latin-1"))
        found = msgspec.json.decode(body[:end])
    except (ValueError, RecursionError):
        return None
    tensors = list(_binary(found))
    total = sum(size for _, size in tensors)
    if not total or len(body) - total < end or body[end : len(body) - total].strip():
        return None
    at = len(body) - total
    for tensor, size in tensors:
        values = _values(tensor, body[at : at + size])
        at += size
        if values is not None:
            tensor["data"] = values
    return dict(found)


def _binary(found: Any) -> Iterator[tuple[dict[str, Any], int]]:
    """Tensors whose values are bytes, in the order of their bytes, with how many."""
    if not isinstance(found, dict):
        return
    for name in ("inputs", "outputs"):
        of = found.get(name)
        for tensor in of if isinstance(of, list) else ():
            told = tensor.get("parameters") if isinstance(tensor, dict) else None
            size = told.get("binary_data_size") if isinstance(told, dict) else None
            if type(size) is int and size > 0:
                yield tensor, size


def _values(tensor: dict[str, Any], data: bytes) -> list[Any] | None:
    """None for a tensor of more axes than a row has, or more values than a table."""
    shape, kind = tensor.get("shape"), tensor.get("datatype")
    if not isinstance(shape, list) or not all(type(n) is int and n >= 0 for n in shape):
        raise ValueError("a tensor without a shape")
    count = math.prod(shape)
    if len(shape) not in (1, 2) or count > MAX_CELLS:
        return None
    if kind == "BYTES":
        found: list[Any] = list(_texts(data))
    elif kind == "BF16":
        # The upper half of an FP32.
        found = _numbers("f", b"".join(b"\0\0" + data[i : i + 2] for i in range(0, len(data), 2)))
    else:
        found = _numbers(_KINDS.get(str(kind), ""), data)
    if len(found) != count:
        raise ValueError(f"{len(found)} binary values in a tensor of {count}")
    return found


def _numbers(kind: str, data: bytes) -> list[Any]:
    """Little-endian; raises ValueError."""
    size = struct.calcsize(f"<{kind}")
    if not size or len(data) % size:
        raise ValueError("binary values that are none of their datatype")
    return list(struct.unpack(f"<{len(data) // size}{kind}", data))


def _texts(data: bytes) -> Iterator[str]:
    """Each with its length before it, in four bytes; raises ValueError."""
    at = 0
    while at < len(data):
        size = int.from_bytes(data[at : at + 4], "little")
        end = at + 4 + size
        if end > len(data):
            raise ValueError("binary texts that are cut off")
        yield data[at + 4 : end].decode()
        at = end

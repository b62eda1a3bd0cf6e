"""Tables of one event type put together, whatever features each of them has."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pyarrow as pa

from pipeline.wire import features


def united(tables: Sequence[pa.Table]) -> pa.Table:
    """Tables of one type one after the other; a feature that one of them lacks is null there."""
    if len(tables) == 1:
        return tables[0]
    names = tables[0].column_names
    columns = []
    for name in names:
        parts = [table.column(name) for table in tables]
        if name == "features":
            columns.append(_united_features([whole(part) for part in parts]))
        elif any(pa.types.is_dictionary(part.type) for part in parts):
            columns.append(pa.chunked_array([c for part in parts for c in part.cast(pa.string()).chunks]))
        else:
            columns.append(pa.chunked_array([c for part in parts for c in part.chunks], parts[0].type))
    return pa.table(columns, names=names)


def _united_features(parts: Sequence[pa.StructArray]) -> pa.Array:
    types: dict[str, pa.DataType] = {}
    for part in parts:
        for f in part.type:
            # A feature that is text anywhere is text everywhere, as within one message.
            types[f.name] = pa.string() if pa.types.is_string(f.type) else types.get(f.name, f.type)
    children = {
        name: pa.concat_arrays(list(_feature(parts, name, type_))) for name, type_ in sorted(types.items())
    }
    return struct(children, sum(map(len, parts)))


def _feature(parts: Sequence[pa.StructArray], name: str, type_: pa.DataType) -> Iterator[pa.Array]:
    for part in parts:
        at = part.type.get_field_index(name)
        if at < 0:
            yield pa.nulls(len(part), type_)
        elif part.type.field(at).type == type_:
            yield part.field(at)
        else:
            numbers = part.field(at).to_pylist()
            yield pa.array([None if n is None else features.number_text(n) for n in numbers], type_)


def whole(column: pa.ChunkedArray) -> pa.StructArray:
    return column.chunk(0) if column.num_chunks == 1 else pa.concat_arrays(column.chunks)


def struct(children: dict[str, pa.Array], length: int) -> pa.Array:
    if not children:
        return pa.array([{}] * length, pa.struct([]))
    return pa.StructArray.from_arrays(list(children.values()), names=list(children))

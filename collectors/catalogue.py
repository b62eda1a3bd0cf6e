"""Every kind of file that can be read, by its name on the command line; a new one is a file and a line."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import NamedTuple

from collectors import azure_llm
from collectors.dcgm import recorded
from collectors.dcgm import scrape as dcgm
from collectors.dra import objects as dra
from collectors.gentd26 import trace as gentd26
from collectors.hubble import flows as hubble
from collectors.parsed import Parsed, nothing_read


class File(NamedTuple):
    name: str
    data: bytes
    """Decompressed."""
    time: datetime
    """When its content was observed; UTC, naive."""


class Context(NamedTuple):
    cluster: str
    interval_seconds: float
    """Length of the interval that a scrape speaks of."""


Part = tuple[tuple[File, ...], Parsed]
"""What came of files that are read together; usually one."""


class Kind(NamedTuple):
    read: Callable[[Iterable[File], Context], Iterator[Part]]
    undated: Callable[[bytes], bool] = lambda data: False
    """Whether content does not tell its time: the same content at another time is something else."""


def _dcgm(files: Iterable[File], context: Context) -> Iterator[Part]:
    for file in files:
        cluster, interval = context
        if recorded.tells_times(file.data):
            scrapes = recorded.scrapes(file.data)
            one = recorded.parse(scrapes, cluster=cluster, interval_seconds=interval)
        else:
            one = dcgm.parse(file.data, cluster=cluster, time=file.time, interval_seconds=interval)
        yield (file,), one


def _hubble(files: Iterable[File], context: Context) -> Iterator[Part]:
    for file in files:
        yield (file,), hubble.parse(file.data, cluster=context.cluster)


def _azure_llm(files: Iterable[File], context: Context) -> Iterator[Part]:
    for file in files:
        model = azure_llm.model_name(file.name)
        yield (file,), azure_llm.parse(file.data, model=model, cluster=context.cluster)


def _dra(files: Iterable[File], context: Context) -> Iterator[Part]:
    """All files at once: a claim names devices that the slices describe."""
    by_name = {f"{i}": file for i, file in enumerate(files)}
    data = {name: file.data for name, file in by_name.items()}
    observed = {name: file.time for name, file in by_name.items()}
    for names, parsed in dra.parse(data, cluster=context.cluster, observed=observed).items():
        yield tuple(by_name[name] for name in names), parsed


def _gentd26(files: Iterable[File], context: Context) -> Iterator[Part]:
    """All tables at once: a sample is made of two of them."""
    tables: dict[str, File] = {}
    for file in files:
        name = gentd26.table_name(file.name)
        if name in tables:
            yield (file,), nothing_read("table_twice", f"{name} was already read from {tables[name].name}")
        else:
            tables[name] = file
    data = {name: file.data for name, file in tables.items()}
    for names, parsed in gentd26.parse(data, cluster=context.cluster).items():
        yield tuple(tables[name] for name in names), parsed


KINDS: dict[str, Kind] = {
    "azure-llm": Kind(_azure_llm),
    "dcgm": Kind(_dcgm, undated=lambda data: not recorded.tells_times(data)),
    "dra": Kind(_dra),
    "gentd26": Kind(_gentd26),
    "hubble": Kind(_hubble),
}

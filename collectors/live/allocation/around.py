"""What is around pods and claims (nodes, slices, classes, owners), and whom a change of it is about."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from collectors.live.allocation.beside import HOLDING, Thing
from collectors.live.allocation.book import Moment
from collectors.live.allocation.context import Context
from collectors.live.allocation.marks import Marks, Subject
from collectors.live.allocation.meta import Namespace
from collectors.live.allocation.nodes import Node

About = Callable[[str], Iterable[Subject]]
"""The open subjects of a kind (`pods`) or of a namespace (`namespace/NAME`)."""


@dataclass(slots=True)
class Around:
    context: Context
    marks: Marks
    about: About

    def changed(self, kind: str, one: Any, moment: Moment, *, there: bool) -> None:
        """An object of the kind is new, another than before, or (not `there`) gone."""
        if kind == "namespaces":
            self._namespace(one, moment, there=there)
        elif kind == "nodes":
            self._node(one, moment, there=there)
        elif kind == "resourceslices":
            pool = self.context.slice_changed(one, there)
            self.marks.mark(("pool", pool), moment)
            self.marks.there(pool, moment)
        elif kind == "deviceclasses":
            for uid in self.context.class_changed(one, there):
                self.marks.mark(("pod", uid), moment)
        elif isinstance(one, Thing):
            self._thing(one, moment, there=there)
        elif there:
            self.context.owning[one.uid] = one
            self.marks.there(one.uid, moment)
        else:
            self.context.owning.pop(one.uid, None)

    def _namespace(self, one: Namespace, moment: Moment, *, there: bool) -> None:
        if not there:
            self.context.namespaces.pop(one.name, None)
            return
        before = self.context.namespaces.get(one.name)
        self.context.namespaces[one.name] = one
        self.marks.there(("namespace", one.name), moment)
        if before is not None and before.labels != one.labels:
            for subject in self.about(f"namespace/{one.name}"):
                self.marks.mark(subject, moment)

    def _thing(self, one: Thing, moment: Moment, *, there: bool) -> None:
        self.context.thing_changed(one, there)
        for subject in (one.resource, HOLDING[one.resource]):
            self.marks.mark((subject, one.uid), moment)

    def _node(self, one: Node, moment: Moment, *, there: bool) -> None:
        if there:
            for uid in self.context.node_changed(one):
                self.marks.mark(("pod", uid), moment)
            self.marks.there(one.name, moment)
        else:
            self.context.nodes.pop(one.name, None)
        self.marks.mark(("node", one.name), moment)
        for pool, devices in self.context.devices.items():
            if any(device.node == one.name for device in devices.values()):
                self.marks.mark(("pool", pool), moment)

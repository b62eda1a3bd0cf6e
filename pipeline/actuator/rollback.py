"""Rollback of any target: read it, see what stands against it, one guarded patch, and what became of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from pipeline.actuator.kubernetes import CONFIG_MAPS, ApiError, Kubernetes, Object, Resource
from pipeline.actuator.objections import objection
from pipeline.actuator.ownership import owner
from pipeline.actuator.patching import action_of, annotations_of, content_hash, operations, written
from pipeline.actuator.pinning import config_hash, config_maps, unpinned
from pipeline.actuator.pointers import value
from pipeline.actuator.rights import Right, refusal
from pipeline.actuator.room import lend
from pipeline.actuator.shape import Kept, Shape
from pipeline.actuator.steps import Begun, Step
from pipeline.policy.decisions import Action
from pipeline.policy.journal import Revision, TargetState
from pipeline.policy.rules import Target

Unblock = Callable[[Kubernetes, Object], str]
"""Clears what the rollout of the object waits for in vain; says what was done, '' for nothing."""


@dataclass(frozen=True, slots=True)
class Rollback:
    """The Actuator of one kind."""

    shape: Shape
    unblock: Unblock | None = None
    """What a rollout of this kind can need beside its patch."""
    needs: tuple[Right, ...] = ()
    """Rights beside that of the patch."""
    keep: Callable[[Kubernetes, Object, Object], ApiError | None] | None = None
    """Keeps the present state, of a kind that keeps none by itself."""
    surges: bool = False
    """Whether a rollout makes new pods before it ends old ones, which a freeze of ours must have room for."""
    beside: Callable[[Object, str], tuple[str, ...]] | None = None
    """Versions with traffic beside `Shape.version`, of a kind that shares it out."""

    @property
    def resource(self) -> Resource:
        return self.shape.RESOURCE

    def watch(self, client: Kubernetes, target: Target, version_label: str) -> TargetState | ApiError:
        """As observe, with the present state kept where nobody else does."""
        if self.keep is not None:
            thing = self._get(client, target)
            if isinstance(thing, ApiError):
                return thing
            failed = self.keep(client, thing, self.shape.content(thing))
            if failed is not None:
                return failed
        return self.observe(client, target, version_label)

    def observe(self, client: Kubernetes, target: Target, version_label: str) -> TargetState | ApiError:
        """The object and the states that it can return to."""
        thing = self._get(client, target)
        if isinstance(thing, ApiError):
            return thing
        kept = self.shape.kept(client, thing)
        if isinstance(kept, ApiError):
            return kept
        content = self.shape.content(thing)
        found = content_hash(content)
        revisions = tuple(sorted((self._revision(k, version_label) for k in kept), key=_order))
        owned = owner(thing)
        return TargetState(
            uid=thing["metadata"]["uid"],
            generation=int(thing["metadata"]["generation"]),
            revision=max((r.revision for r in revisions if r.template_hash == found), default=0),
            version=self.shape.version(content, version_label),
            template_hash=found,
            revisions=revisions,
            config=self._config(client, target, [content, *(k.content for k in kept)]),
            owner=owned.words if owned else "",
            owned_by=owned.by if owned else "",
            beside=self.beside(content, version_label) if self.beside else (),
        )

    def lacks(self, client: Kubernetes, target: Target) -> str:
        """The rights that this account lacks for a rollback of the target, in words; '' for none."""
        patch = Right("patch", self.shape.RESOURCE, target.name)
        return refusal(client, (patch, *self.needs), target.namespace)

    def execute(self, client: Kubernetes, action: Action) -> Iterator[Step]:
        """The steps of one rollback; nothing is written before `approved` has been taken by the caller."""
        thing = self._ready(client, action)
        if isinstance(thing, Step):
            yield thing
            return
        content = self._content(client, thing, action)
        if isinstance(content, Step):
            yield content
            return
        target, annotated = action.target, bool(annotations_of(thing))
        patch = operations(action, self.shape.PATH, content, annotated=annotated)
        where = (self.shape.RESOURCE, target.namespace, target.name, patch)
        rehearsed = client.patch(*where, dry_run=True)
        if isinstance(rehearsed, ApiError):
            yield Step("refused", f"dry_run: {rehearsed.words}")
            return
        evidence = written(action, self.shape.PATH, annotated=annotated)
        yield Step("approved", "every check and the dry run passed", evidence)
        lent = lend(client, thing, content, action.action_id) if self.surges else ""
        result = self._result(client, action, client.patch(*where, dry_run=False), evidence)
        if result is not None:
            yield replace(result, detail=f"{result.detail}; {lent}") if lent else result

    def settle(self, client: Kubernetes, begun: Begun, verify_until: datetime, now: datetime) -> Step | None:
        """What became of a begun action: the object itself says whether the patch took effect."""
        thing = self._get(client, begun.target)
        if isinstance(thing, ApiError):
            late = now >= verify_until
            return Step("failed", f"cannot be verified: {thing.words}") if late else None
        if action_of(thing) != begun.action_id:
            if begun.state == "approved":
                return Step("refused", "stopped before the patch took effect; the next tick decides anew")
            return Step("undone", "another change has replaced the annotation of this action")
        runs = self.shape.version(self.shape.content(thing), begun.version_label)
        if runs != begun.to_version:
            return Step("undone", f"the object runs {runs or 'no version'} now, not {begun.to_version}")
        if begun.state == "approved":
            return Step("executed", "the patch took effect before the process stopped; it is not sent again")
        state, words = self.shape.progress(thing)
        if state == "complete":
            return Step("verified", words)
        if state == "stuck" or now >= verify_until:
            return Step("failed", f"the rollout did not complete: {words}")
        done = self.unblock(client, thing) if self.unblock and state == "under_way" else ""
        return Step("executed", done) if done else None

    def planned(self, client: Kubernetes, action: Action) -> tuple[str, Object, Object] | Step:
        """The shape's path, what stands there and what is to, for a change that another one writes."""
        thing = self._get(client, action.target)
        if isinstance(thing, ApiError):
            return Step("refused", thing.words)
        reason = objection(self.shape, thing, action)
        content = Step("refused", reason) if reason else self._content(client, thing, action)
        return (
            content
            if isinstance(content, Step)
            else (
                self.shape.PATH,
                value(thing, self.shape.PATH),
                content,
            )
        )

    def follow(self, client: Kubernetes, begun: Begun, verify_until: datetime, now: datetime) -> Step | None:
        """As settle, of a change that another one writes: by the version that the object runs."""
        thing = self._get(client, begun.target)
        late = now >= verify_until
        if isinstance(thing, ApiError):
            return Step("failed", f"cannot be verified: {thing.words}") if late else None
        runs = self.shape.version(self.shape.content(thing), begun.version_label)
        state, words = self.shape.progress(thing)
        if runs == begun.to_version and state == "complete":
            return Step("verified", words)
        return Step("failed", f"the object runs {runs or 'no version'}; {words}") if late else None

    def _get(self, client: Kubernetes, target: Target) -> Object | ApiError:
        return client.get(self.shape.RESOURCE, target.namespace, target.name)

    def _revision(self, kept: Kept, label: str) -> Revision:
        runs = self.shape.version(kept.content, label)
        return Revision(kept.revision, runs, content_hash(kept.content), kept.name, unpinned(kept.content))

    def _config(self, client: Kubernetes, target: Target, contents: list[Object]) -> dict[str, str]:
        """Hashes of the ConfigMaps that any of these states uses."""
        found = {}
        for name in sorted({n for content in contents for n in config_maps(content)}):
            held = client.get(CONFIG_MAPS, target.namespace, name)
            found[name] = "" if isinstance(held, ApiError) else config_hash(held)
        return found

    def _ready(self, client: Kubernetes, action: Action) -> Object | Step:
        """The object, if this account has the rights and nothing stands against the patch."""
        target = action.target
        lacking = self.lacks(client, target)
        if lacking:
            return Step("refused", lacking)
        thing = self._get(client, target)
        if isinstance(thing, ApiError):
            return Step("refused", thing.words)
        if action_of(thing) == action.action_id:
            return Step("executed", "the object already carries this action; nothing is sent")
        reason = objection(self.shape, thing, action)
        return Step("refused", reason) if reason else thing

    def _content(self, client: Kubernetes, thing: Object, action: Action) -> Object | Step:
        """The content of the revision to return to, still the one that was decided on."""
        kept, patch = self.shape.kept(client, thing), action.patch
        if isinstance(kept, ApiError):
            return Step("refused", kept.words)
        keeper = f"{self.shape.KEEPER} {patch.keeper}"
        found = next((k for k in kept if k.name == patch.keeper), None)
        if found is None:
            return Step("refused", f"missing_revision: {keeper} is gone")
        held = content_hash(found.content)
        if (held, found.revision) != (patch.to_template_hash, patch.to_revision):
            return Step("refused", f"missing_revision: {keeper} is not what was decided on")
        if held == patch.from_template_hash:
            return Step("refused", "no_op: both states are the same")
        back = self.shape.restored(thing, found, kept)
        return Step("refused", back) if isinstance(back, str) else back

    def _result(
        self, client: Kubernetes, action: Action, answer: Object | ApiError, evidence: str
    ) -> Step | None:
        """A refused precondition is not retried: the next tick reads and decides again.

        None while nobody knows: the action stays approved, and the next tick asks the object.
        """
        if not isinstance(answer, ApiError):
            return Step("executed", f"generation {answer['metadata']['generation']} was written", evidence)
        thing = self._get(client, action.target)
        if not isinstance(thing, ApiError) and action_of(thing) == action.action_id:
            return Step("executed", f"the patch took effect, its answer was lost: {answer.words}", evidence)
        if answer.wrote_nothing:
            return Step("refused", f"not_written: {answer.words}; the next tick decides anew")
        return None


def _order(revision: Revision) -> tuple[int, str]:
    return revision.revision, revision.name

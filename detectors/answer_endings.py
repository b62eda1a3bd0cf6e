"""Judges of how answers end: are more of them refused, or cut off, than when the model was right?

What servers say of an answer comes as its features, so no label is waited for.  Fewer never count, and no
rule acts on either: questions that ought to be refused raise the first as well as a shy model does.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import pyarrow as pa

from detectors import accuracy, rate
from detectors.finding import Finding
from detectors.parameters import Parameters
from detectors.references import Reference
from detectors.subject import Asked, Subject
from pipeline.facts.models import UNSEEN_BIN


class Ending(NamedTuple):
    """A way in which answers end that is a pity: one of `categories` of a feature."""

    feature: str
    categories: tuple[str, ...]
    opposite: tuple[str, ...]
    """The categories of all other answers, if they are known: then what a reference does not have is such an
    ending too, of a reference that has nothing but these and those."""


ENDINGS = {
    "refusal_rate": Ending("refusal", ("yes", "true"), ("no", "false")),
    "cut_off_rate": Ending("finish_reason", ("length", "max_tokens"), ()),
}
"""Each by the name of its judge."""


class Known(NamedTuple):
    """How often answers of the reference ended so."""

    feature: str
    bins: tuple[int, ...]
    """Of the fact feature_bins that count as such an ending."""
    endings: int
    answers: int
    """Those that say how they ended."""
    phi: float


def known(reference: Reference, name: str) -> Known | None:
    """None where the reference cannot tell such answers from others."""
    ending = ENDINGS[name]
    for feature in reference.features:
        if feature.feature != ending.feature or feature.categories is None:
            continue
        bins = [at for at, category in enumerate(feature.categories) if category in ending.categories]
        answers = sum(feature.counts) + feature.unseen
        either = set(feature.categories) <= {*ending.categories, *ending.opposite}
        unseen = (UNSEEN_BIN,) if ending.opposite and either else ()
        if answers and (bins or unseen):
            endings = sum(feature.counts[at] for at in bins) + (feature.unseen if unseen else 0)
            return Known(ending.feature, (*bins, *unseen), endings, answers, max(feature.phi, 1.0))
    return None


def judge(minutes: pa.Table, subject: Subject, parameters: Parameters, *, name: str) -> Finding:
    """`minutes` has minute, count (answers that say how they ended) and endings (those that ended so).

    The tolerated rate is, as that of errors, the upper confidence bound of the reference's plus a tolerance.
    """
    return judge_all([(minutes, subject)], parameters, name=name)[0]


def judge_all(asked: Sequence[Asked], parameters: Parameters, *, name: str) -> list[Finding]:
    """The same of many versions, whose minutes are gone through side by side."""
    return rate.judge(name, "endings", [_case(*one, parameters, name) for one in asked], parameters)


def _case(minutes: pa.Table, subject: Subject, parameters: Parameters, name: str) -> rate.Case | Finding:
    reference = subject.reference
    of = None if reference is None else known(reference, name)
    if reference is None or of is None:
        return subject.unjudged(name, "no_reference", parameters)
    evidence: dict[str, float | int | str] = {
        "reference": reference.reference,
        "reference_rate": of.endings / of.answers,
    }
    bound = accuracy.tolerated(of.endings, of.answers, of.phi, parameters)
    return rate.Case(minutes, subject, bound, of.phi, evidence)

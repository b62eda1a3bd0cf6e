"""Judge of feature drift: has the input changed?  It explains and warns; it never calls for an action."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from detectors import e_detector
from detectors.drift_run import Plan, Run, advance, begin, by_feature, counted, planned, weighed
from detectors.finding import Finding
from detectors.histogram_alternatives import Alternatives, alternatives
from detectors.parameters import Parameters
from detectors.subject import Subject

NAME = "drift"

Floats = npt.NDArray[np.float64]


def judge(minutes: pa.Table, subject: Subject, parameters: Parameters) -> Finding:
    """`minutes` has minute, feature, bin and count under the subject's reference, in any order and partial.

    Minutes of a run that goes on: `drift_run`.
    """
    return changed(minutes, subject, parameters, alternatives)


def changed(minutes: pa.Table, subject: Subject, parameters: Parameters, of: Alternatives) -> Finding:
    """The same, where `of` says what counts as a change."""
    reference = subject.reference
    if reference is None or not reference.features:
        return subject.unjudged(NAME, "no_reference", parameters)
    if minutes.num_rows == 0:
        return subject.unjudged(NAME, "not_enough_data", parameters, reference=reference.reference)
    plan = planned(reference, parameters, of)
    seen = weighed(counted(minutes, reference), plan)
    return finding(advance(begin(plan), seen, plan), plan, subject)


def finding(run: Run, plan: Plan, subject: Subject) -> Finding:
    """What the evidence says after the run's last minute.

    The mean of the features' e-detectors is an e-detector under any dependence; e-BH names the culprits.
    """
    reference, parameters, count = plan.reference, plan.parameters, int(run.totals.max())
    if run.newest is not None and subject.is_stale(run.newest, parameters):
        return subject.unjudged(NAME, "stale", parameters, count, reference=reference.reference)
    if count < parameters.drift_minimum_count:
        return subject.unjudged(NAME, "not_enough_data", parameters, count, reference=reference.reference)
    evidence = by_feature(run.state[None], plan)
    log_evidence, each = float(e_detector.log_mean(evidence)[0]), e_detector.log(evidence[0])
    names = [feature.feature for feature in reference.features]
    found = () if run.since is None else culprits(names, each, parameters.log_warn)
    return Finding(
        NAME, subject.model, subject.model_version, "ok" if run.since is None else "warn",
        subject.start, subject.end, count, log_evidence, parameters.log_warn, parameters.log_act,
        None if run.since is None else run.since.astype("datetime64[us]").item(),
        {
            "reference": reference.reference,
            "features": int((run.totals > 0).sum()),
            "rho": parameters.drift_rho,
            "culprits": ", ".join(found),
            "strongest": names[int(np.argmax(each))],
        },
    )  # fmt: skip


def culprits(names: list[str], log_evidence: Floats, log_bar: float) -> tuple[str, ...]:
    """Features that e-BH rejects at level exp(-log_bar), the strongest first (Wang, Ramdas 2022).

    The largest k with e_(k) >= F exp(log_bar) / k.
    """
    order = np.argsort(-log_evidence, kind="stable")
    needed = log_bar + np.log(len(names)) - np.log(np.arange(1, len(names) + 1))
    passed = np.flatnonzero(log_evidence[order] >= needed)
    return tuple(names[i] for i in order[: passed[-1] + 1]) if len(passed) else ()

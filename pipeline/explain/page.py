"""The evidence of one action as a page that stands alone: no script, nothing from elsewhere, only text."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from html import escape
from typing import Any

from pipeline.answers.cells import safe_text
from pipeline.canonical import instant, moment
from pipeline.explain.effect import SPAN, Effect, Side
from pipeline.explain.explanation import Explanation
from pipeline.explain.gate_words import gate_rows
from pipeline.explain.narrative import verdict
from pipeline.explain.shown import spans, time
from pipeline.explain.step_words import BUDGET_NAMES, PLAN_NAMES, budget_rows, other_inputs, plan_rows
from pipeline.policy.journal import Loss

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; margin: .5rem 0 1.5rem; }
th, td { text-align: left; vertical-align: top; border-bottom: 1px solid #ccc; padding: .25rem; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; background: #f4f4f4; padding: .6rem; }
td:first-child { white-space: nowrap; }
.no { color: #a00; font-weight: 600; }
"""
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"

Row = dict[str, Any]


def page(found: Explanation, effect: Effect | None) -> str:
    """The same ledger gives the same bytes; the last line is the SHA-256 of what stands above it."""
    first = found.steps[0]
    title = f"{first['kind']} of {first['workload']}"
    body = "\n".join(_parts(found, effect, first))
    text = (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        f"<title>{_text(title)}</title><style>{_STYLE}</style></head><body>\n<h1>{_text(title)}</h1>\n{body}\n"
    )
    return f"{text}<!-- sha256 {hashlib.sha256(text.encode()).hexdigest()} --></body></html>\n"


def _parts(found: Explanation, effect: Effect | None, first: Row) -> Iterator[str]:
    of = f", model {first['model']}, {first['model_version'] or '-'} to {first['to_version'] or '-'}"
    yield _paragraph(
        f"Action {found.action_id}, rule {first['policy'] or '-'}, {first['cluster']}/{first['namespace']}"
        f"{of if first['model'] else ''}."
    )
    last = found.steps[-1]
    yield _paragraph(f"Now {last['state']}: {last['detail']}")
    yield _heading("What happened")
    yield _table(
        ("time", "state", "what"),
        ((f"{s['time']:%Y-%m-%d %H:%M:%S}Z", s["state"], s["detail"]) for s in found.happened),
    )
    yield from _changed(found, effect)
    try:
        yield from _decision(json.loads(found.recorded))
    except (ValueError, KeyError, TypeError):
        yield _paragraph("No evidence of a decision by a policy is recorded, or it cannot be read.")
    yield from _patch(found)
    yield from _again(found)


def _decision(evidence: Row) -> Iterator[str]:
    decision, policy, now = evidence["decision"], evidence["policy"], moment(evidence["now"])
    refused = decision.get("refused")
    yield _heading("Why")
    yield _paragraph(f"{f'Refused by {refused}' if refused else 'Decided'}: {decision['detail']}")
    if "ladder" in evidence:
        yield _paragraph(
            f"Policy version {policy['version']}, SHA-256 {policy['hash']}, as of {time(evidence['now'])}."
        )
        yield _heading("Inputs")
        yield _table(BUDGET_NAMES, budget_rows(evidence))
        yield from map(_paragraph, other_inputs(evidence))
        yield from _gates(evidence)
        if plan := list(plan_rows(evidence)):
            yield _heading("Plan")
            yield _table(PLAN_NAMES, plan)
        return
    yield _paragraph(
        f"Policy version {policy['version']}, SHA-256 {policy['hash']}, rule {evidence['rule']}, read at "
        f"lake snapshot {evidence['journal']['snapshot']}, as of {time(evidence['now'])}."
    )
    yield _heading("Inputs")
    verdicts = [*evidence["findings"], *evidence["siblings"]]
    yield _table(
        ("source", "about", "says", "window", "n", "age", "evidence, nats"),
        (
            (
                f"verdict of {f['detector']}", f"{f['model']} {f['model_version']}", f["level"],
                f"{time(f['start'])} to {time(f['end'])}", f["count"], _age(now, f["end"]),
                f"{f['log_evidence']:.4g}, acts at {f['log_act']:.4g}",
            )
            for f in verdicts
        ),
    )  # fmt: skip
    yield _table(
        ("source", "about", "window", "n", "age", "judged good", "judged bad"),
        (
            (
                "traffic and verdicts", f"version {s['version']}",
                f"{time(s['first'])} to {time(s['last'])}",
                f"{s['predictions']} predictions, {s['good_count']} events", _age(now, s["last"]),
                *(time(s[name]) if s[name] else "-" for name in ("good_at", "bad_at")),
            )
            for s in evidence["journal"]["served"]
        ),
    )  # fmt: skip
    for version, newest in evidence["journal"].get("labelled", {}).items():
        yield _paragraph(f"Labels on {version}: the newest was said {_age(now, newest)} before.")
    target = evidence["journal"]["target"]
    said = "could not be read"
    if target is not None:
        said = f"generation {target['generation']}, version {target['version'] or '-'}"
    gaps = "; ".join(map(_missed, evidence["journal"]["gaps"])) or "none known"
    yield _paragraph(
        f"Source cluster API, read when it was decided: {said}. Events that are missing: {gaps}."
    )
    yield from _gates(evidence)
    if decision.get("not_restored"):
        yield _paragraph(f"Not restored by that: {', '.join(decision['not_restored'])}.")


def _missed(gap: str | Row) -> str:
    """Decisions of before kept the words alone."""
    if isinstance(gap, str):
        return gap
    return Loss(gap["source"], gap["kind"], gap["end"], gap["lost"]).words


def _gates(evidence: Row) -> Iterator[str]:
    yield _heading("Gates")
    yield _table(("", "gate", "on which numbers"), gate_rows(evidence))
    failed = [g["gate"] for g in evidence["gates"] if not g["passed"]]
    by = failed or [r for r in (evidence["decision"].get("refused"),) if r]
    stopped = f"It was stopped by {', '.join(by)}."
    yield _paragraph(stopped if by else "Any one gate that fails would have stopped it.")


def _patch(found: Explanation) -> Iterator[str]:
    yield _heading("Exact patch")
    yield f"<pre>{_text(found.sent)}</pre>" if found.sent else _paragraph("Nothing was sent.")


def _changed(found: Explanation, effect: Effect | None) -> Iterator[str]:
    yield _heading("Before and after")
    told = found.outcome
    words = "not measured yet"
    if told is not None:
        words = f"measured {time(instant(told['time']))}: {told['state']}; {told['detail']}"
    yield _paragraph(f"{'Money' if effect and effect.by == 'namespace' else 'Quality'}: {words}.")
    if effect is None:
        yield _paragraph("Cost: nothing was changed.")
        return
    yield _table(
        ("cost", effect.by, "window", f"cost, {effect.currency}", "an hour"),
        (_side(name, side) for name, side in (("before", effect.before), ("after", effect.after))),
    )
    saved = "unknown, since a side has no known cost"
    if effect.saved is not None:
        saved = f"{effect.saved:.2f} {effect.currency}"
    yield _paragraph(f"Money saved in the hours after it, against going on as before: {saved}.")
    yield _paragraph(settled(found, effect))


def settled(found: Explanation, effect: Effect) -> str:
    """Whether the page can still change, in words."""
    until = time(instant(effect.after.end))
    last = found.steps[-1]["state"]
    whole = effect.after.end - effect.before.end >= SPAN or last in ("undone", "failed")
    if found.outcome is not None and whole and last not in ("approved", "executed"):
        return f"Settled as of {until}: what comes later changes this page only if the action is put back."
    return f"Not settled as of {until}: what comes later may change this page."


def _side(name: str, side: Side) -> tuple[object, ...]:
    window = f"{time(instant(side.start))} to {time(instant(side.end))}"
    hourly = "-" if side.hourly is None else f"{side.hourly:.2f}"
    return name, side.of, window, "-" if side.cost is None else f"{side.cost:.2f}", hourly


def _again(found: Explanation) -> Iterator[str]:
    yield _heading("Computed again")
    words = verdict(found)
    yield _paragraph(words[:1].upper() + words[1:])
    if found.differences:
        yield f"<pre>{chr(10).join(_text(line) for line in found.differences)}</pre>"
    yield f"<pre>{_text(found.command)}</pre>"
    whole = _text(found.recorded)
    yield f"<details><summary>The decision as it is recorded</summary><pre>{whole}</pre></details>"


def _age(now: Any, end: str) -> str:
    return spans(f"{(now - moment(end)).total_seconds():g} s")


def _table(names: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    head = "".join(f"<th>{_text(n)}</th>" for n in names)
    lines = ("".join(_cell(c) for c in row) for row in rows)
    return f"<table><tr>{head}</tr>{''.join(f'<tr>{line}</tr>' for line in lines)}</table>"


def _cell(value: object) -> str:
    mark = ' class="no"' if value in ("FAILED", "act") else ""
    return f"<td{mark}>{_text(value)}</td>"


def _heading(words: str) -> str:
    return f"<h2>{_text(words)}</h2>"


def _paragraph(words: str) -> str:
    return f"<p>{_text(words)}</p>"


def _text(value: object) -> str:
    """Names and details come from outside: no markup, no control characters."""
    return escape(safe_text(str(value)))

"""A manifest's values replaced: only those, or a reason; whatever else the file holds stays byte for byte."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from pipeline.actuator.manifest import Change, Unfit, replaced

TEXT = """\
# kept by the platform team
apiVersion: v1
kind: Service
metadata: {name: fraud}
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: fraud   # the model
spec:
  template:
    metadata:
      labels: {app: fraud, driftledger.io/model-version: "v2"}
    spec:
      containers:
        - name: 'server'
          image: registry.example/fraud:v2  # pinned by hand
          args: ["--threads", "4"]
"""
IMAGE = "/spec/template/spec/containers/0/image"
LABEL = "/spec/template/metadata/labels/driftledger.io~1model-version"
CHANGES = [
    Change(IMAGE, "registry.example/fraud:v2", "registry.example/fraud:v1"),
    Change(LABEL, "v2", "v1"),
]


def test_two_values_change_and_every_other_byte_stays():
    new = replaced(TEXT, "Deployment", "fraud", CHANGES)
    assert new == TEXT.replace("fraud:v2", "fraud:v1").replace('"v2"', '"v1"')


@pytest.mark.parametrize(
    ("text", "changes", "reason"),
    [
        (TEXT.replace("fraud:v2", "fraud:v3"), CHANGES, "manifest_moved"),
        (TEXT.replace('"v2"', "2"), CHANGES, "manifest_moved"),
        (TEXT.replace("kind: Deployment", "kind: StatefulSet"), CHANGES, "manifest_missing: 0 of 2"),
        (TEXT + "---\n" + TEXT.partition("---\n")[2], CHANGES, "manifest_missing: 2 of 3"),
        (TEXT, [Change("/spec/replicas", 1, 2)], "manifest_missing: there is no /spec/replicas"),
        (TEXT, [Change("/spec/template", {}, {})], "manifest_shape"),
        (TEXT.replace("image: ", "image: &a "), CHANGES, "manifest_aliases"),
        (
            TEXT.replace("image: registry.example/fraud:v2", "image: |\n            x"),
            CHANGES,
            "manifest_shape",
        ),
        (
            TEXT.partition("---\n")[2].replace("name: fraud ", "name: other "),
            CHANGES,
            "manifest_missing: 0 of 1",
        ),
        (TEXT + "\t- x: [", CHANGES, "manifest_unread"),
        ("day: 2026-13-45\n---\n" + TEXT, CHANGES, "manifest_unread"),
        ("a: " + "[" * 1_000, CHANGES, "manifest_unread"),
        ("x: 1\n" * 300_000, CHANGES, "manifest_too_large"),
    ],
)
def test_what_cannot_be_changed_is_refused_with_the_reason(text, changes, reason):
    found = replaced(text, "Deployment", "fraud", changes)
    assert isinstance(found, Unfit) and found.reason.startswith(reason)


def test_a_file_without_kind_is_changed_where_it_is_the_only_document():
    """Helm's values, a kustomization's images."""
    values = "image:\n  tag: v2\n  repository: x\n"
    assert replaced(values, "Deployment", "fraud", [Change("/image/tag", "v2", "v1")]) == values.replace(
        "v2", "v1"
    )


def test_a_version_that_looks_like_a_day_that_is_none_is_quoted():
    """A model version is any text; unquoted this one would end whoever reads the file."""
    new = replaced("b: v2\n", "Deployment", "x", [Change("/b", "v2", "2026-13-45")])
    assert new == 'b: "2026-13-45"\n'


plain = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), max_size=20)


@given(before=plain, after=plain, style=st.sampled_from(["plain", "'", '"']))
def test_any_text_comes_back_as_itself(before, after, style):
    """A version named `no`, `1.10` or `a: b` must not become something else in Git."""
    shown = {
        "'": "'" + before.replace("'", "''") + "'",
        '"': yaml.dump(before, default_style='"', width=1e9).strip(),
    }
    text = f"a: 1\nb: {shown.get(style, shown[chr(34)])}\nc: 3 # end\n"
    if yaml.safe_load(text)["b"] != before:
        return
    new = replaced(text, "Deployment", "x", [Change("/b", before, after)])
    assert not isinstance(new, Unfit), new
    assert yaml.safe_load(new) == {"a": 1, "b": after, "c": 3} and new.endswith("c: 3 # end\n")

"""The key `gitops` of a rule: what is taken, what is refused with its remedy, what holds a rollback back."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from jsonschema import Draft202012Validator

from pipeline import yaml_file
from pipeline.act.records import rule_hash
from pipeline.errors import ConfigError
from pipeline.policy.file import parse
from pipeline.policy.schema import schema
from tests.act.deciding import STATE, TEXT, decided, journal

SUSPEND = "    gitops: {owner: {kind: Application, namespace: argocd, name: fraud}, suspend: 4h}\n"
REVERT = """\
    gitops:
      owner: {kind: Kustomization, namespace: flux-system, name: apps}
      revert:
        repository: https://git.example/ml/deploy.git
        branch: main
        file: apps/fraud.yaml
        fields: [{at: /image/tag, from: version}, {at: /spec/template/spec/containers/0/image}]
"""
OWNED = replace(STATE, owner="Argo CD owns it (annotation x)", owned_by="Application fraud")


@pytest.mark.parametrize(
    ("text", "old", "new", "key", "remedy"),
    [
        (SUSPEND, "suspend: 4h", "suspend: 4h, revert: {}", "gitops.suspend", "one of the two"),
        (SUSPEND, ", suspend: 4h", "", "gitops.suspend", "one of the two"),
        (SUSPEND, "4h", "8d", "gitops.suspend", "to 7d"),
        (SUSPEND, "4h", "5m", "gitops.suspend", "600 s (verify_within)"),
        (SUSPEND, "Application", "HelmChart", "gitops.owner.kind", "Application, Kustomization"),
        (SUSPEND, "name: fraud}", "name: 'fraud*'}", "gitops.owner.name", "exact name"),
        (SUSPEND, "suspend", "suspended", "gitops.suspend", "one of the two"),
        (REVERT, "https://git", "https://me:secret@git", "revert.repository", "without credentials"),
        (REVERT, "https://git.example", "ssh://git.example", "revert.repository", "https address"),
        (
            REVERT,
            "https://git.example/ml/deploy.git",
            "--upload-pack=x",
            "revert.repository",
            "https address",
        ),
        (REVERT, "apps/fraud.yaml", "apps/../fraud.yaml", "revert.file", "without '..'"),
        (REVERT, "apps/fraud.yaml", "apps/.git/config", "revert.file", "without '..'"),
        (REVERT, "branch: main", "branch: --force", "revert.branch", "name of a branch"),
        (REVERT, "at: /image/tag", "at: image.tag", "fields[0].at", "JSON pointer"),
        (REVERT, "from: version", "from: v1", "fields[0].from", "or version"),
    ],
)
def test_what_is_wrong_is_named_with_its_remedy(text, old, new, key, remedy):
    parse(TEXT + text)
    with pytest.raises(ConfigError) as raised:
        parse(TEXT + text.replace(old, new, 1))
    assert key in str(raised.value) and remedy in str(raised.value)


@pytest.mark.parametrize("text", [SUSPEND, REVERT])
def test_the_schema_takes_what_the_parser_takes(text):
    check = Draft202012Validator(json.loads(json.dumps(schema())))
    assert not list(check.iter_errors(yaml_file.document(TEXT + text)))
    for key in ("owner", "suspend", "revert", "repository"):
        wrong = yaml_file.document(TEXT + text.replace(f"{key}:", "unknown:", 1))
        assert f"{key}:" not in text or list(check.iter_errors(wrong)), key


def test_what_a_tool_owns_is_left_alone_unless_the_rule_names_that_owner():
    """Off by default: an upgrade must not begin to suspend anybody's GitOps."""
    refused = decided(known=journal(target=OWNED))
    assert (refused.reason, "say gitops in the rule" in refused.detail) == ("owner_agrees", True)
    action = decided(known=journal(target=OWNED), text=TEXT + SUSPEND)
    assert action.gitops.owner.name == "fraud" and "suspended for 4 h" in action.detail
    other = replace(OWNED, owned_by="Application other")
    assert "not Application argocd/fraud" in decided(known=journal(target=other), text=TEXT + SUSPEND).detail
    assert decided(text=TEXT + SUSPEND).gitops is None, "nobody owns it: a plain patch"


def test_what_is_approved_or_rehearsed_says_how_it_is_done():
    """A yes to a patch is no yes to a suspended Application."""
    plain, held = (
        json.loads(decided(known=journal(target=t), text=TEXT + SUSPEND).evidence) for t in (STATE, OWNED)
    )
    assert "gitops" not in plain["decision"] and held["decision"]["gitops"]["suspend"] == 14_400
    assert rule_hash(parse(TEXT).rules[0]) != rule_hash(parse(TEXT + SUSPEND).rules[0])

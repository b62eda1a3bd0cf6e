"""The API server's log of the whole run, of every test before this file: only the verbs that were promised.

It is the last file of its folder on purpose: what rollbacks, crashes, ladders, GitOps owners, serving kinds
asked for is all in the log by now.  Alone it has what its own fixture asks for.
"""

from __future__ import annotations

import pytest

from pipeline.actuator.kubernetes import REPLICA_SETS, ApiError, Resource
from tests.act.promised import own, promised, tried
from tests.act.rig_targets import ACCOUNT, client, hijacked, install
from tests.rig import cluster_objects as objects

REVIEWS = ("create", "selfsubjectaccessreviews.authorization.k8s.io")
"""Every account may ask what it may."""


@pytest.fixture(scope="module")
def log(kube):
    """The server's, with at least one request of each kind in it."""
    kube.start()
    ns = objects.namespace(kube)
    access = install(kube, ns)
    api, thief = client(access), hijacked(access)
    objects.until(lambda: not isinstance(api.list_all(REPLICA_SETS, ns), ApiError), "the rights to be there")
    assert api.may("list", REPLICA_SETS, ns, "") is True
    assert isinstance(thief.list_all(Resource("", "v1", "secrets"), ns), ApiError)
    api.close()
    thief.close()
    return kube


def test_the_actuator_has_asked_for_nothing_that_its_roles_do_not_give(log):
    """Refused or not: a verb that it tries without the right to it is one that nobody promised."""
    roles: dict[tuple[str, str], set[str]] = {}
    for role, verb, what in promised():
        roles.setdefault((verb, what), set()).add(role)
    asked = own(log)
    assert REVIEWS in {(e.verb, e.what) for e in asked}
    beyond = {(e.verb, e.what, e.code) for e in asked if (e.verb, e.what) not in {REVIEWS, *roles}}
    assert not beyond
    for e in asked:
        of = roles.get((e.verb, e.what), set())
        if of == {"ClusterRole driftledger-actuator-lease"}:
            assert (e.namespace, e.name) == ACCOUNT, e
        elif e.code < 300 and "ClusterRole driftledger-actuator-devices" not in of and of:
            assert e.namespace, ("of no namespace", e)


def test_who_took_its_token_was_refused_all_that_the_roles_do_not_give(log):
    given = {(verb, what) for _, verb, what in promised()}
    beyond = [e for e in tried(log) if (e.verb, e.what) not in {REVIEWS, *given}]
    assert ("list", "secrets") in {(e.verb, e.what) for e in beyond}
    assert {e.code for e in beyond} == {403}

"""How a cluster is reached: verified, or a sentence that says what to change."""

from __future__ import annotations

import base64

import pytest
import yaml

from pipeline.errors import ConfigError, NotFound
from pipeline.kube.connection import Connection, ambient, from_kubeconfig, in_cluster


def kubeconfig(folder, *, cluster=None, user=None):
    content = {
        "current-context": "lab",
        "contexts": [{"name": "lab", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": cluster or {"server": "https://lab.example:6443"}}],
        "users": [{"name": "u", "user": user or {"token": "secret-token"}}],
    }
    path = folder / "config"
    path.write_text(yaml.safe_dump(content))
    return path


def test_a_kubeconfig_gives_server_token_and_authority(tmp_path):
    authority = base64.b64encode(b"-----BEGIN CERTIFICATE-----").decode()
    path = kubeconfig(
        tmp_path, cluster={"server": "https://lab.example:6443", "certificate-authority-data": authority}
    )
    connection = from_kubeconfig(path)
    assert connection.server == "https://lab.example:6443" and connection.bearer() == "secret-token"
    assert connection.ca.read_bytes() == b"-----BEGIN CERTIFICATE-----"
    assert "secret-token" not in repr(connection)


def test_files_are_named_relative_to_the_kubeconfig(tmp_path):
    (tmp_path / "token").write_text("from-a-file\n")
    path = kubeconfig(
        tmp_path,
        cluster={"server": "https://lab.example", "certificate-authority": "ca.pem"},
        user={"tokenFile": "token", "client-certificate": "c.pem", "client-key": "k.pem"},
    )
    connection = from_kubeconfig(path)
    assert connection.bearer() == "from-a-file" and connection.ca == tmp_path / "ca.pem"
    assert connection.client_certificate == (tmp_path / "c.pem", tmp_path / "k.pem")


@pytest.mark.parametrize(
    ("of_cluster", "user", "remedy"),
    [
        ({"server": "https://x", "insecure-skip-tls-verify": True}, None, "certificate-authority"),
        ({"server": "http://lab.example"}, None, "https://"),
        ({"server": "lab.example"}, None, "https://"),
        (None, {"exec": {"command": "aws"}}, "service account token"),
    ],
)
def test_an_unsafe_kubeconfig_is_refused_with_a_remedy(tmp_path, of_cluster, user, remedy):
    with pytest.raises(ConfigError, match=remedy):
        from_kubeconfig(kubeconfig(tmp_path, cluster=of_cluster, user=user))


def test_an_unknown_context_is_named(tmp_path):
    with pytest.raises(ConfigError, match="elsewhere"):
        from_kubeconfig(kubeconfig(tmp_path), "elsewhere")


def test_a_pod_reads_its_token_again_each_time(tmp_path):
    """A service account's token is renewed in place about every hour."""
    (tmp_path / "token").write_text("first")
    environ = {"KUBERNETES_SERVICE_HOST": "10.0.0.1", "KUBERNETES_SERVICE_PORT": "443"}
    connection = in_cluster(environ, tmp_path)
    assert connection.server == "https://10.0.0.1:443" and connection.bearer() == "first"
    (tmp_path / "token").write_text("second")
    assert connection.bearer() == "second"


def test_without_any_cluster_there_is_a_sentence(tmp_path):
    with pytest.raises(NotFound, match="kubeconfig"):
        in_cluster({}, tmp_path)
    with pytest.raises(NotFound, match="cannot be read"):
        ambient({"KUBECONFIG": str(tmp_path / "none")})


def test_plain_http_is_for_this_machine_only():
    assert Connection("http://127.0.0.1:8080").token == ""
    with pytest.raises(ConfigError):
        Connection("http://10.0.0.1:8080", token="t")

"""The matrix of who may reach whom, evaluated from the rendered policies. What is not listed is refused."""

import itertools

import pytest

from tests.k8s.conftest import rendered
from tests.k8s.reach import Cluster, Peer


def role(namespace: str, name: str, **labels: str) -> Peer:
    return Peer(namespace, {"yurt.io/role": name, **labels})


PEERS = {
    "sandbox": role("yurt-sandboxes", "sandbox", **{"yurt.io/project": "a"}),
    "other sandbox": role("yurt-sandboxes", "sandbox", **{"yurt.io/project": "b"}),
    "unlabelled in sandboxes": Peer("yurt-sandboxes"),
    "job": role("yurt-sealed", "sealed-job", **{"ray.io/node-type": "head"}),
    "other job": role("yurt-sealed", "sealed-job", **{"ray.io/node-type": "head"}),
    "hub": role("yurt", "hub"),
    "proxy": role("yurt", "proxy"),
    "gateway": role("yurt", "gateway"),
    "portal": role("yurt", "portal"),
    "database": role("yurt", "database"),
    "dns": Peer("kube-system", {"k8s-app": "kube-dns"}),
    "ingress": Peer("ingress", {"app": "ingress"}),
    "ray operator": Peer("kuberay-system", {"app.kubernetes.io/name": "kuberay-operator"}),
    "stranger": Peer("elsewhere", {"yurt.io/role": "sandbox"}),
    "forged gateway": Peer("elsewhere", {"yurt.io/role": "gateway"}),
    "internet": Peer(ip="203.0.113.7"),
    "internet v6": Peer(ip="2001:db8::7"),
    "metadata": Peer(ip="169.254.169.254"),
    "kube api": Peer(ip="10.0.0.10"),
}
PORTS = (22, 53, 80, 443, 5432, 6443, 8000, 8001, 8080, 8081, 8082, 8265, 8888, 10250)
OUTSIDE = {"kube-system": {}, "ingress": {"yurt.io/zone": "ingress"}, "kuberay-system": {}, "elsewhere": {}}
ALLOWED = {
    ("sandbox", "gateway", 8080), ("other sandbox", "gateway", 8080), ("sandbox", "hub", 8081),
    ("other sandbox", "hub", 8081),
    ("proxy", "sandbox", 8888), ("proxy", "other sandbox", 8888), ("hub", "sandbox", 8888),
    ("hub", "other sandbox", 8888),
    ("hub", "proxy", 8001), ("hub", "portal", 8082), ("proxy", "hub", 8081), ("proxy", "portal", 8082),
    ("gateway", "hub", 8081), ("gateway", "database", 5432), ("portal", "hub", 8081), ("portal", "gateway", 8080),
    ("portal", "database", 5432), ("ingress", "proxy", 8000), ("ray operator", "job", 8265),
    ("ray operator", "other job", 8265),
    ("hub", "dns", 53), ("proxy", "dns", 53), ("gateway", "dns", 53), ("portal", "dns", 53), ("database", "dns", 53),
}  # fmt: skip
# Not ours to bind: both ends outside our namespaces.
OURS = {"yurt", "yurt-sandboxes", "yurt-sealed"}
FOREIGN = {name for name, peer in PEERS.items() if peer.namespace not in OURS}


@pytest.fixture(scope="module")
def base() -> Cluster:
    return Cluster(list(rendered("base")), OUTSIDE)


def reached(cluster: Cluster) -> set[tuple[str, str, int]]:
    return {
        (source, target, port)
        for (source, a), (target, b), port in itertools.product(PEERS.items(), PEERS.items(), PORTS)
        if source != target and not (source in FOREIGN and target in FOREIGN) and cluster.may_reach(a, b, port)
    }


def test_exactly_the_listed_connections_get_through(base: Cluster) -> None:
    assert reached(base) == ALLOWED


def test_production_adds_the_hubs_way_to_the_api_and_nothing_else() -> None:
    cluster = Cluster(list(rendered("overlays/production")), OUTSIDE)
    assert reached(cluster) - ALLOWED == {("hub", "kube api", 6443)}


@pytest.mark.parametrize("protocol", ["UDP", "SCTP"])
@pytest.mark.parametrize("source", ["sandbox", "job", "unlabelled in sandboxes"])
def test_untrusted_code_has_no_other_protocol_and_no_dns(base: Cluster, source: str, protocol: str) -> None:
    for (target, peer), port in itertools.product(PEERS.items(), PORTS):
        if target != source:
            assert not base.may_reach(PEERS[source], peer, port, protocol), (target, port)


def test_without_the_default_deny_the_matrix_would_not_hold(base: Cluster) -> None:
    open_cluster = Cluster([o for o in rendered("base") if o["metadata"]["name"] != "default-deny"], OUTSIDE)
    assert open_cluster.may_reach(PEERS["unlabelled in sandboxes"], PEERS["internet"], 443)

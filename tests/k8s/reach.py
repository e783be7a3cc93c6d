"""Who may reach whom by NetworkPolicy: only if egress of the one and ingress of the other allow it."""

from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from typing import Any


@dataclass(frozen=True)
class Peer:
    """A pod (namespace and labels), or an address outside the cluster (`ip`)."""

    namespace: str = ""
    labels: dict[str, str] = field(default_factory=dict)
    ip: str = ""


class Cluster:
    """Policies and namespaces of rendered manifests."""

    def __init__(self, objects: list[dict[str, Any]], outside: dict[str, dict[str, str]]) -> None:
        self.policies = [o for o in objects if o["kind"] == "NetworkPolicy"]
        self.namespaces = {
            o["metadata"]["name"]: {
                **o["metadata"].get("labels", {}),
                "kubernetes.io/metadata.name": o["metadata"]["name"],
            }
            for o in objects
            if o["kind"] == "Namespace"
        }
        for name, labels in outside.items():
            self.namespaces[name] = {**labels, "kubernetes.io/metadata.name": name}

    def may_reach(self, source: Peer, target: Peer, port: int, protocol: str = "TCP") -> bool:
        """Whether a connection opened by `source` gets through."""
        out = self._allows("Egress", source, target, port, protocol)
        return out and self._allows("Ingress", target, source, port, protocol)

    def _allows(self, direction: str, subject: Peer, other: Peer, port: int, protocol: str) -> bool:
        if subject.ip:
            return True  # nothing outside is bound by our policies
        selecting = [
            p["spec"]
            for p in self.policies
            if p["metadata"]["namespace"] == subject.namespace
            and direction in p["spec"]["policyTypes"]
            and _selects(p["spec"]["podSelector"], subject.labels)
        ]
        if not selecting:
            return True
        key, peers = ("egress", "to") if direction == "Egress" else ("ingress", "from")
        return any(
            self._peer_matches(rule.get(peers), other, spec_namespace=subject.namespace)
            and _port_matches(rule.get("ports"), port, protocol)
            for spec in selecting
            for rule in spec.get(key) or []
        )

    def _peer_matches(self, peers: list[dict[str, Any]] | None, other: Peer, spec_namespace: str) -> bool:
        if not peers:
            return True
        for peer in peers:
            if "ipBlock" in peer:
                if other.ip and ip_address(other.ip) in ip_network(peer["ipBlock"]["cidr"]):
                    return True
                continue
            if other.ip:
                continue
            if "namespaceSelector" in peer:
                same = _selects(peer["namespaceSelector"], self.namespaces[other.namespace])
            else:
                same = other.namespace == spec_namespace
            if same and _selects(peer.get("podSelector", {}), other.labels):
                return True
        return False


def _port_matches(ports: list[dict[str, Any]] | None, port: int, protocol: str) -> bool:
    if not ports:
        return True
    return any(p.get("port") in (None, port) and p.get("protocol", "TCP") == protocol for p in ports)


def _selects(selector: dict[str, Any], labels: dict[str, str]) -> bool:
    if any(labels.get(key) != value for key, value in selector.get("matchLabels", {}).items()):
        return False
    for need in selector.get("matchExpressions", []):
        inside = labels.get(need["key"]) in need["values"]
        if need["operator"] not in ("In", "NotIn") or inside is not (need["operator"] == "In"):
            return False
    return True

"""The pod of one sandbox, as a pure function of its profile.

What it sets is what the admission policy in `k8s/base/admission.yaml` demands; a test compares the two. Two containers
share nothing but two socket folders: `work` runs untrusted code and holds no secret, `door` is the platform's own
process with the sandbox's hub token (the same door as on one machine). Sealed jobs have no door.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from sandbox.naming import label_value, object_name
from sandbox.profile import Limits, Profile

DEAD_DNS = "192.0.2.53"  # TEST-NET-1 (RFC 5737): never answers, so names carry nothing out
RUNTIME_CLASS = "gvisor"
DOOR_PORT = 8888
LABEL = "yurt.io"
ROLES = {"notebook": "sandbox", "sealed_job": "sealed-job", "party": "party"}
_DOOR = Limits(memory_bytes=256 << 20, cpus=0.25, tmp_bytes=16 << 20)

Manifest = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Images:
    """Images by digest ("name@sha256:…"): a tag could be moved after approval."""

    work: str
    door: str = ""


@dataclass(frozen=True, slots=True)
class Services:
    """Addresses the door needs; it has no DNS either. Host name -> cluster IP, such as {"gateway": "10.96.7.1"}."""

    hosts: Mapping[str, str] = field(default_factory=dict)
    gateway_url: str = "http://gateway:8080"


def pod_manifest(
    profile: Profile, *, user: str, project: str, server: str = "", namespace: str, images: Images,
    services: Services | None = None, command: Sequence[str] = (), door_environment: Mapping[str, str] | None = None,
) -> Manifest:  # fmt: skip
    """One sandbox's pod as a plain dict, ready to serialise.

    `user`, `project` and `server` may be any text. `command` runs in `work` (empty: the image's own). The door's
    environment (JupyterHub's variables, its token among them) goes to the door alone.
    """
    role = ROLES[profile.name]
    containers = [_work(profile, images.work, command)]
    volumes = [_scratch("tmp", profile.limits.tmp_bytes), _scratch("home", profile.limits.tmp_bytes)]
    volumes.append(_scratch("shm", profile.limits.tmp_bytes))
    if profile.has_gateway:
        containers.append(_door(profile, images.door, services or Services(), door_environment or {}))
        volumes += [_scratch("gateway", 1 << 20), _scratch("server", 1 << 20), _scratch("door-tmp", _DOOR.tmp_bytes)]
    spec: Manifest = {
        "runtimeClassName": RUNTIME_CLASS,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "hostUsers": False,
        "hostNetwork": False,
        "hostPID": False,
        "hostIPC": False,
        "shareProcessNamespace": False,
        "hostname": profile.hostname,
        "dnsPolicy": "None",
        "dnsConfig": {"nameservers": [DEAD_DNS]},
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": 10,
        "nodeSelector": {f"{LABEL}/pool": "sandbox"},
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": profile.uid,
            "runAsGroup": profile.gid,
            "fsGroup": profile.gid,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": containers,
        "volumes": volumes,
    }
    if profile.has_gateway and services and services.hosts:
        spec["hostAliases"] = [{"ip": ip, "hostnames": [name]} for name, ip in sorted(services.hosts.items())]
    if profile.limits.wall_s is not None:
        spec["activeDeadlineSeconds"] = max(1, int(profile.limits.wall_s))
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": object_name(role, user, project, server),
            "namespace": namespace,
            "labels": {
                "app.kubernetes.io/part-of": "yurt",
                f"{LABEL}/role": role,
                f"{LABEL}/project": label_value(project),
                f"{LABEL}/user": label_value(user),
            },
        },
        "spec": spec,
    }


def _work(profile: Profile, image: str, command: Sequence[str]) -> Manifest:
    mounts = [_mount("tmp", "/tmp"), _mount("home", profile.home), _mount("shm", "/dev/shm")]  # noqa: S108
    if profile.has_gateway:
        mounts += [
            _mount("gateway", str(PurePosixPath(profile.gateway_socket).parent), read_only=True),
            _mount("server", str(PurePosixPath(profile.server_socket).parent)),
        ]
    environment = {"HOME": profile.home, "TMPDIR": "/tmp", "LANG": "C.UTF-8"}  # noqa: S108
    return _container("work", image, command, profile.limits, mounts, environment)


def _door(profile: Profile, image: str, services: Services, environment: Mapping[str, str]) -> Manifest:
    mounts = [
        _mount("gateway", str(PurePosixPath(profile.gateway_socket).parent)),
        _mount("server", str(PurePosixPath(profile.server_socket).parent), read_only=True),
        _mount("door-tmp", "/tmp"),  # noqa: S108
    ]
    variables = {**environment, "YURT_GATEWAY_URL": services.gateway_url}
    container = _container("door", image, ["python", "-m", "sandbox.kube.door"], _DOOR, mounts, variables)
    # KubeSpawner finds the port to route to by this name.
    return container | {"ports": [{"name": "notebook-port", "containerPort": DOOR_PORT, "protocol": "TCP"}]}


def _container(
    name: str,
    image: str,
    command: Sequence[str],
    limits: Limits,
    mounts: list[Manifest],
    environment: Mapping[str, str],
) -> Manifest:
    amounts = {
        "memory": str(limits.memory_bytes),
        "cpu": f"{max(1, round(limits.cpus * 1000))}m",
        "ephemeral-storage": str(limits.tmp_bytes),
    }
    container: Manifest = {
        "name": name,
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "env": [{"name": key, "value": value} for key, value in sorted(environment.items())],
        "ports": [],
        "resources": {"limits": amounts, "requests": dict(amounts)},
        "securityContext": {
            "privileged": False,
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": mounts,
    }
    if command:
        container["command"] = list(command)
    return container


def _mount(name: str, path: str, *, read_only: bool = False) -> Manifest:
    return {"name": name, "mountPath": path, "readOnly": read_only}


def _scratch(name: str, size: int) -> Manifest:
    """Memory-backed, as in the local jail: it counts against the sandbox's memory and is gone with it."""
    return {"name": name, "emptyDir": {"medium": "Memory", "sizeLimit": str(size)}}

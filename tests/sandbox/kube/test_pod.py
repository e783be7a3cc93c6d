"""The pod builder: the profile's limits, no secret beside untrusted code, the same pod every time."""

import asyncio
import json

import kubernetes_validate
import pytest

from sandbox.kube import DEAD_DNS, Images, Services, pod_manifest
from sandbox.profile import NOTEBOOK, PROFILES, SEALED_JOB, Profile

DIGEST = "@sha256:" + "a" * 64
IMAGES = Images(f"work{DIGEST}", f"door{DIGEST}")


def pod(profile: Profile, user: str = "张三", project: str = "低保核查") -> dict:  # type: ignore[type-arg]
    return pod_manifest(
        profile, user=user, project=project, namespace="yurt-sandboxes", images=IMAGES,
        services=Services({"gateway": "10.96.100.10", "hub": "10.96.100.11"}), command=["jupyterlab"],
        door_environment={"JUPYTERHUB_API_TOKEN": "the-secret"},
    )  # fmt: skip


@pytest.mark.parametrize("profile", PROFILES.values(), ids=PROFILES)
@pytest.mark.parametrize("version", ["1.32", "1.37"])
def test_pods_fit_the_schema(profile: Profile, version: str) -> None:
    assert kubernetes_validate.validate(pod(profile), version, strict=True) == version


@pytest.mark.parametrize("profile", PROFILES.values(), ids=PROFILES)
def test_a_pod_gets_the_limits_of_its_profile(profile: Profile) -> None:
    spec = pod(profile)["spec"]
    work = spec["containers"][0]
    assert work["resources"]["limits"]["memory"] == str(profile.limits.memory_bytes)
    assert work["resources"]["limits"]["cpu"] == f"{round(profile.limits.cpus * 1000)}m"
    assert work["resources"]["requests"] == work["resources"]["limits"]
    assert spec["securityContext"]["runAsUser"] == profile.uid
    assert spec.get("activeDeadlineSeconds") == (int(profile.limits.wall_s) if profile.limits.wall_s else None)
    sizes = {v["name"]: v["emptyDir"]["sizeLimit"] for v in spec["volumes"]}
    assert sizes["tmp"] == sizes["home"] == str(profile.limits.tmp_bytes)


def test_the_secret_is_in_the_door_alone() -> None:
    work, door = pod(NOTEBOOK)["spec"]["containers"]
    assert "the-secret" in json.dumps(door)
    assert "the-secret" not in json.dumps(work)
    assert {v["name"] for v in work["env"]} == {"HOME", "LANG", "TMPDIR"}


def test_only_the_sockets_folders_are_shared_and_each_side_writes_its_own() -> None:
    work, door = ({m["name"]: m["readOnly"] for m in c["volumeMounts"]} for c in pod(NOTEBOOK)["spec"]["containers"])
    assert set(work) & set(door) == {"gateway", "server"}
    assert (work["gateway"], door["gateway"]) == (True, False)
    assert (work["server"], door["server"]) == (False, True)


def test_a_sealed_job_has_no_door_and_no_way_to_the_gateway() -> None:
    spec = pod(SEALED_JOB)["spec"]
    assert [c["name"] for c in spec["containers"]] == ["work"]
    assert "hostAliases" not in spec
    assert all(c["ports"] == [] for c in spec["containers"])


def test_names_are_resolved_from_a_list_and_never_asked_for() -> None:
    spec = pod(NOTEBOOK)["spec"]
    assert (spec["dnsPolicy"], spec["dnsConfig"]["nameservers"]) == ("None", [DEAD_DNS])
    assert spec["hostAliases"] == [
        {"ip": "10.96.100.10", "hostnames": ["gateway"]},
        {"ip": "10.96.100.11", "hostnames": ["hub"]},
    ]


def test_two_people_or_projects_never_share_a_pod() -> None:
    names = {pod(NOTEBOOK, u, p)["metadata"]["name"] for u in ("张三", "张叁", "a", "A") for p in ("x", "x-", "X")}
    assert len(names) == 12
    assert pod(NOTEBOOK) == pod(NOTEBOOK)


def test_kubespawner_gets_its_model_object() -> None:
    from sandbox.kube.spawner import as_model

    model = asyncio.run(as_model(pod(NOTEBOOK)))
    assert model.metadata.name == pod(NOTEBOOK)["metadata"]["name"]
    assert model.spec.host_users is False
    assert [c.name for c in model.spec.containers] == ["work", "door"]
    assert model.spec.containers[1].ports[0].name == "notebook-port"

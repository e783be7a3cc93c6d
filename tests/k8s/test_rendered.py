"""The manifests render, core objects have no unknown or missing field, and what they must say they say."""

from importlib.util import find_spec

import kubernetes_validate
import pytest

from tests.k8s.conftest import FOLDERS, K8S, only, rendered

CORE = ("v1", "apps/v1", "networking.k8s.io/v1", "rbac.authorization.k8s.io/v1", "node.k8s.io/v1")
ADMISSION = "admissionregistration.k8s.io/v1"
# Objects of other projects: the fields that their published definitions require, and those we rely on.
REQUIRED = {
    "RayCluster": [
        "spec.rayVersion", "spec.authOptions.mode", "spec.headGroupSpec.rayStartParams",
        "spec.headGroupSpec.template.spec",
    ],
    "RayJob": [
        "spec.entrypoint", "spec.rayClusterSpec.headGroupSpec.template.spec", "spec.rayClusterSpec.authOptions.mode",
    ],
    "ClusterQueue": ["spec.resourceGroups", "spec.namespaceSelector", "spec.queueingStrategy"],
    "LocalQueue": ["spec.clusterQueue"],
    "ResourceFlavor": ["spec.nodeLabels"],
}  # fmt: skip


@pytest.mark.parametrize("folder", FOLDERS)
@pytest.mark.parametrize("version", ["1.32", "1.37"])
def test_every_object_fits_its_schema(folder: str, version: str) -> None:
    for thing in rendered(folder):
        if thing["apiVersion"] in (*CORE, ADMISSION):
            kubernetes_validate.validate(thing, version, strict=True)
        else:
            for path in REQUIRED[thing["kind"]]:
                value = thing
                for part in path.split("."):
                    value = value[part]
                assert value not in (None, [], ""), (thing["kind"], path)


def test_an_unknown_field_would_be_noticed() -> None:
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "x"},
        "spec": {"containers": [], "imagePulPolicy": "x"},
    }
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(pod, "1.32", strict=True)


def test_every_file_is_part_of_a_kustomization() -> None:
    import yaml

    for folder in FOLDERS:
        listed = set(yaml.safe_load((K8S / folder / "kustomization.yaml").read_text())["resources"])
        present = {path.name for path in (K8S / folder).glob("*.yaml")} - {"kustomization.yaml"}
        assert present <= listed, folder


@pytest.mark.parametrize("name", ["yurt", "yurt-sandboxes", "yurt-sealed"])
def test_every_zone_is_restricted_and_denies_by_default(name: str) -> None:
    labels = only("base", "Namespace", name)["metadata"]["labels"]
    assert {labels[f"pod-security.kubernetes.io/{mode}"] for mode in ("enforce", "audit", "warn")} == {"restricted"}
    (deny,) = (
        o["spec"]
        for o in rendered("base")
        if o["kind"] == "NetworkPolicy" and o["metadata"] == only_meta("default-deny", name, o["metadata"])
    )
    assert deny == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


def only_meta(name: str, namespace: str, metadata: dict[str, object]) -> dict[str, object]:
    return {**metadata, "name": name, "namespace": namespace}


@pytest.mark.parametrize("name", ["yurt-sandboxes", "yurt-sealed"])
def test_zones_of_untrusted_code_are_bounded(name: str) -> None:
    kinds = {o["kind"] for o in rendered("base") if o["metadata"].get("namespace") == name}
    assert {"ResourceQuota", "LimitRange", "NetworkPolicy"} <= kinds


def test_roles_cannot_read_secrets_enter_pods_or_reach_beyond_their_namespace() -> None:
    objects = rendered("base")
    assert not [o for o in objects if o["kind"] in ("ClusterRole", "ClusterRoleBinding")]
    for role in (o for o in objects if o["kind"] == "Role"):
        assert role["metadata"]["namespace"] != "yurt"
        for rule in role["rules"]:
            assert "*" not in rule["verbs"] + rule["resources"] + rule["apiGroups"]
            assert not {"secrets", "pods/exec", "pods/attach", "pods/portforward"} & set(rule["resources"])
            assert not {"update", "patch", "impersonate", "escalate", "bind"} & set(rule["verbs"])


def test_platform_pods_are_hardened_and_only_the_hub_has_a_token() -> None:
    tokens = []
    for deployment in (o for o in rendered("base") if o["kind"] == "Deployment"):
        spec = deployment["spec"]["template"]["spec"]
        assert spec["automountServiceAccountToken"] is False
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in spec["containers"]:
            assert container["securityContext"] == {
                "privileged": False, "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }  # fmt: skip
            assert {"memory", "cpu"} <= set(container["resources"]["limits"])
        if any("projected" in volume for volume in spec["volumes"]):
            tokens.append(deployment["metadata"]["name"])
    assert tokens == ["hub"]


def test_services_stay_inside() -> None:
    for service in (o for o in rendered("overlays/production") if o["kind"] == "Service"):
        assert service["spec"]["type"] == "ClusterIP"


def test_programs_of_the_platform_exist() -> None:
    for deployment in (o for o in rendered("base") if o["kind"] == "Deployment"):
        command = deployment["spec"]["template"]["spec"]["containers"][0]["command"]
        if command[:2] == ["python", "-m"]:
            assert find_spec(command[2]) is not None, command


def test_ray_asks_for_a_token_and_no_route_leads_to_its_dashboard() -> None:
    for folder in ("queues", "jobs"):
        for thing in rendered(folder):
            spec = thing["spec"].get("rayClusterSpec", thing["spec"]) if thing["kind"].startswith("Ray") else None
            if spec is not None:
                assert spec["authOptions"] == {"mode": "token"}
                assert spec["headGroupSpec"]["serviceType"] == "ClusterIP"
                assert "enableIngress" not in spec["headGroupSpec"]
    assert not [o for f in FOLDERS for o in rendered(f) if o["kind"] in ("Ingress", "HTTPRoute", "Gateway")]


def test_a_sealed_job_lives_no_longer_than_its_time_and_fetches_nothing() -> None:
    spec = only("jobs", "RayJob", "sealed-job-template")["spec"]
    assert spec["shutdownAfterJobFinishes"] is True
    assert spec["backoffLimit"] == 0
    assert spec["activeDeadlineSeconds"] == 3600
    assert spec["suspend"] is True  # Kueue lets it go
    assert "runtimeEnvYAML" not in spec
    assert spec["submissionMode"] == "HTTPMode"  # no submitter pod with a token


def test_production_names_images_by_digest() -> None:
    for deployment in (o for o in rendered("overlays/production") if o["kind"] == "Deployment"):
        for container in deployment["spec"]["template"]["spec"]["containers"]:
            assert "@sha256:" in container["image"]


def test_nothing_names_a_registry() -> None:
    for path in K8S.rglob("*"):
        if path.is_file():
            text = path.read_text()
            for host in ("docker.io", "gcr.io", "ghcr.io", "quay.io", "registry."):
                assert host not in text, path

"""The admission policy, rule by rule: the pods we build pass, and one bad pod for each rule fails on that very rule."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from sandbox.kube import Images, Services, pod_manifest
from sandbox.profile import NOTEBOOK, PARTY, SEALED_JOB, Profile
from tests.k8s.cel import evaluate
from tests.k8s.conftest import only

DIGEST = "@sha256:" + "a" * 64
IMAGES = Images(f"yurt-sandbox{DIGEST}", f"yurt-platform{DIGEST}")
HUB = "system:serviceaccount:yurt:hub"
OPERATOR = "system:serviceaccount:kuberay-system:kuberay-operator"
SPEC = only("base", "ValidatingAdmissionPolicy", "yurt-sandbox-profile")["spec"]
RULES = {rule["message"].split(":")[0]: rule["expression"] for rule in SPEC["validations"]}
Pod = dict[str, Any]


def refused(pod: Pod, zone: str = "sandbox", user: str = HUB, operation: str = "CREATE") -> set[str]:
    """Names of the rules that refuse the pod; an error counts as a refusal (failurePolicy: Fail)."""
    scope: dict[str, Any] = {
        "object": pod,
        "request": {"operation": operation, "userInfo": {"username": user}},
        "namespaceObject": {"metadata": {"labels": {"yurt.io/zone": zone}}},
    }
    scope["variables"] = {}
    for variable in SPEC["variables"]:
        scope["variables"][variable["name"]] = evaluate(variable["expression"], scope)
    return {name for name, expression in RULES.items() if evaluate(expression, scope) is not True}


def notebook(profile: Profile = NOTEBOOK) -> Pod:
    return pod_manifest(
        profile, user="张三", project="低保核查", namespace="yurt-sandboxes", images=IMAGES,
        services=Services({"gateway": "10.96.100.10"}), door_environment={"JUPYTERHUB_API_TOKEN": "secret"},
    )  # fmt: skip


def test_the_pods_we_build_pass() -> None:
    assert refused(notebook()) == set()
    assert refused(notebook(SEALED_JOB), zone="sealed", user=OPERATOR) == set()
    assert refused(notebook(PARTY), zone="sealed", user=OPERATOR) == set()


def test_the_pod_of_the_job_template_passes() -> None:
    template = only("jobs", "RayJob", "sealed-job-template")["spec"]["rayClusterSpec"]["headGroupSpec"]["template"]
    assert refused(template, zone="sealed", user=OPERATOR) == set()


def work(pod: Pod) -> dict[str, Any]:
    container: dict[str, Any] = pod["spec"]["containers"][0]
    return container


def bare(name: str) -> dict[str, Any]:
    return {**copy.deepcopy(work(notebook())), "name": name}


Change = Callable[[Pod], Any]
BAD: list[tuple[str, str, Change]] = [
    ("runtime-class", "runc", lambda p: p["spec"].update(runtimeClassName="runc")),
    ("runtime-class", "none", lambda p: p["spec"].pop("runtimeClassName")),
    ("host-namespaces", "network", lambda p: p["spec"].update(hostNetwork=True)),
    ("host-namespaces", "pid", lambda p: p["spec"].update(hostPID=True)),
    ("host-namespaces", "ipc", lambda p: p["spec"].update(hostIPC=True)),
    ("host-namespaces", "shared processes", lambda p: p["spec"].update(shareProcessNamespace=True)),
    ("user-namespace", "host users", lambda p: p["spec"].update(hostUsers=True)),
    ("user-namespace", "unsaid", lambda p: p["spec"].pop("hostUsers")),
    ("api-token", "mounted", lambda p: p["spec"].update(automountServiceAccountToken=True)),
    ("api-token", "unsaid", lambda p: p["spec"].pop("automountServiceAccountToken")),
    ("service-account", "another", lambda p: p["spec"].update(serviceAccountName="hub")),
    ("service-links", "on", lambda p: p["spec"].update(enableServiceLinks=True)),
    ("dead-dns", "cluster DNS", lambda p: p["spec"].update(dnsPolicy="ClusterFirst")),
    ("dead-dns", "own resolver", lambda p: p["spec"].update(dnsConfig={"nameservers": ["8.8.8.8"]})),
    ("dead-dns", "second resolver", lambda p: p["spec"]["dnsConfig"]["nameservers"].append("8.8.8.8")),
    ("non-root", "root", lambda p: p["spec"]["securityContext"].update(runAsUser=0)),
    ("non-root", "unsaid", lambda p: p["spec"].pop("securityContext")),
    ("non-root", "container root", lambda p: work(p)["securityContext"].update(runAsUser=0)),
    ("non-root", "container may", lambda p: work(p)["securityContext"].update(runAsNonRoot=False)),
    ("seccomp", "off", lambda p: p["spec"]["securityContext"].update(seccompProfile={"type": "Unconfined"})),
    ("seccomp", "container", lambda p: work(p)["securityContext"].update(seccompProfile={"type": "Unconfined"})),
    ("privileges", "privileged", lambda p: work(p)["securityContext"].update(privileged=True)),
    ("privileges", "setuid", lambda p: work(p)["securityContext"].update(allowPrivilegeEscalation=True)),
    ("privileges", "unsaid", lambda p: work(p).pop("securityContext")),
    ("capabilities", "kept", lambda p: work(p)["securityContext"].pop("capabilities")),
    ("capabilities", "added", lambda p: work(p)["securityContext"]["capabilities"].update(add=["NET_RAW"])),
    ("read-only-root", "writable", lambda p: work(p)["securityContext"].update(readOnlyRootFilesystem=False)),
    ("volumes", "host path", lambda p: p["spec"]["volumes"].append({"name": "h", "hostPath": {"path": "/"}})),
    ("volumes", "secret", lambda p: p["spec"]["volumes"].append({"name": "s", "secret": {"secretName": "x"}})),
    ("volumes", "token", lambda p: p["spec"]["volumes"].append({"name": "t", "projected": {"sources": []}})),
    ("volumes", "nfs", lambda p: p["spec"]["volumes"].append({"name": "n", "nfs": {"server": "x", "path": "/"}})),
    ("volumes", "no size", lambda p: p["spec"]["volumes"].append({"name": "e", "emptyDir": {}})),
    ("limits", "no memory", lambda p: work(p)["resources"]["limits"].pop("memory")),
    ("limits", "none", lambda p: work(p).pop("resources")),
    ("image-digest", "tag", lambda p: work(p).update(image="yurt-sandbox:latest")),
    ("image-digest", "digest in the middle", lambda p: work(p).update(image=f"x{DIGEST}:latest")),
    ("one-kind-of-container", "init", lambda p: p["spec"].update(initContainers=[bare("i")])),
    ("one-kind-of-container", "debugger", lambda p: p["spec"].update(ephemeralContainers=[bare("e")])),
    ("host-ports", "one", lambda p: work(p).update(ports=[{"containerPort": 80, "hostPort": 80}])),
    ("placement", "anywhere", lambda p: p["spec"].pop("nodeSelector")),
    ("placement", "chosen node", lambda p: p["spec"].update(nodeName="control-plane")),
    ("role", "forged", lambda p: p["metadata"]["labels"].update({"yurt.io/role": "gateway"})),
    ("role", "none", lambda p: p["metadata"].pop("labels")),
]


@pytest.mark.parametrize(("rule", "how", "change"), BAD, ids=[f"{rule}: {how}" for rule, how, _ in BAD])
def test_a_pod_that_breaks_a_rule_is_refused_by_it(rule: str, how: str, change: Change) -> None:
    pod = notebook()
    change(pod)
    assert rule in refused(pod)


@pytest.mark.parametrize("lists", ["initContainers", "ephemeralContainers"])
def test_rules_on_containers_hold_in_every_list_of_containers(lists: str) -> None:
    pod = notebook()
    bad = bare("x")
    bad["securityContext"] = {"privileged": True, "capabilities": {"add": ["SYS_ADMIN"]}}
    bad["image"] = "x:latest"
    pod["spec"][lists] = [bad]
    assert {"privileges", "capabilities", "image-digest", "read-only-root"} <= refused(pod)


def test_only_the_hub_makes_sandboxes_and_only_the_operator_sealed_jobs() -> None:
    assert refused(notebook(), user="system:serviceaccount:yurt:portal") == {"creator"}
    assert refused(notebook(), user="kubernetes-admin") == {"creator"}
    assert refused(notebook(SEALED_JOB), zone="sealed", user=HUB) == {"creator"}


def test_every_rule_has_a_bad_pod() -> None:
    assert {rule for rule, _, _ in BAD} | {"creator"} == set(RULES)


def test_the_policy_covers_every_list_of_containers_fails_closed_and_denies() -> None:
    resources = SPEC["matchConstraints"]["resourceRules"][0]["resources"]
    assert resources == ["pods", "pods/ephemeralcontainers"]
    assert SPEC["failurePolicy"] == "Fail"
    for name in ("yurt-sandbox-profile", "yurt-no-back-door"):
        binding = only("base", "ValidatingAdmissionPolicyBinding", name)["spec"]
        assert binding["policyName"] == name
        assert "Deny" in binding["validationActions"]
        selector = binding["matchResources"]["namespaceSelector"]["matchExpressions"]
        assert selector == [{"key": "yurt.io/zone", "operator": "In", "values": ["sandbox", "sealed"]}]


def test_nobody_enters_a_running_sandbox_through_the_api() -> None:
    spec = only("base", "ValidatingAdmissionPolicy", "yurt-no-back-door")["spec"]
    rule = spec["matchConstraints"]["resourceRules"][0]
    assert rule["operations"] == ["CONNECT"]
    assert {"pods/exec", "pods/attach", "pods/portforward"} <= set(rule["resources"])
    assert evaluate(spec["validations"][0]["expression"], {}) is False


class TestEvaluator:
    """The evaluator itself, on the points where CEL is peculiar."""

    @pytest.mark.parametrize(
        ("text", "value"),
        [
            ("has(a.b) && a.b == 1", True),
            ("has(a.x)", False),
            ("a.x == 1 || a.b == 1", True),
            ("!(has(a.x) && a.x)", True),
            ("l.all(i, i > 0) && l.exists(i, i == 2)", True),
            ("'k' in m && m['k'] == 'v'", True),
            ("has(a.x) ? a.x : [] + l", [1, 2]),
            ("s.matches('b+$')", True),
            ("size(l) == 2", True),
        ],
    )
    def test_expressions(self, text: str, value: object) -> None:
        assert evaluate(text, {"a": {"b": 1}, "l": [1, 2], "m": {"k": "v"}, "s": "abb"}) == value

    def test_a_missing_field_is_an_error(self) -> None:
        from tests.k8s.cel import CelError

        with pytest.raises(CelError):
            evaluate("a.x == 1", {"a": {}})

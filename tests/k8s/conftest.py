import re
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

K8S = Path(__file__).parents[2] / "k8s"
FOLDERS = ("base", "queues", "jobs", "overlays/dev", "overlays/production")


@cache
def kustomize_major() -> int:
    """The major version of the kustomize inside `kubectl`; 0 without one. Debian 12's own kubectl has 2.0.3."""
    if shutil.which("kubectl") is None:
        return 0
    said = subprocess.run(["kubectl", "version", "--client"], capture_output=True, text=True, check=False).stdout
    found = re.search(r"Kustomize Version: v(\d+)", said)
    return int(found[1]) if found else 2


@cache
def rendered(folder: str) -> tuple[dict[str, Any], ...]:
    """The objects of one kustomization, as `kubectl` renders them."""
    if kustomize_major() < 5:
        reason = "kubectl 1.27 or newer (kustomize 5) is not installed: the rendered manifests were not checked"
        pytest.skip(reason, allow_module_level=True)
    done = subprocess.run(["kubectl", "kustomize", str(K8S / folder)], capture_output=True, text=True, check=True)
    return tuple(yaml.safe_load_all(done.stdout))


def only(folder: str, kind: str, name: str) -> dict[str, Any]:
    """The one object of this kind and name."""
    (found,) = (o for o in rendered(folder) if (o["kind"], o["metadata"]["name"]) == (kind, name))
    return found

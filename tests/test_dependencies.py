"""Every dependency is used, explained, and installs no package under one of our names."""

import ast
import importlib.metadata
import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
ROOMS = ("portal", "scheduler", "mpc", "sandbox", "gateway", "policies", "masking", "catalog", "audit", "store")
IMPORTED_AS = {  # distribution → module, where they differ; None: used without an import of ours
    "argon2-cffi": "argon2",
    "grpcio": "grpc",
    "jupyterhub-kubespawner": "kubespawner",
    "jupyter-server-proxy": "jupyter_server_proxy",
    "pillow": "PIL",
    "presidio-analyzer": "presidio_analyzer",
    "pydantic-settings": "pydantic_settings",
    "pyspark-client": "pyspark",
    "python-multipart": None,  # FastAPI loads it for forms
    "pyyaml": "yaml",
    "websocket-client": "websocket",
}


def chosen() -> list[str]:
    lines = (ROOT / "requirements/main.in").read_text().splitlines()
    return [re.split(r"[\[<>=~]", line)[0].strip() for line in lines if line and not line.startswith("#")]


def imported() -> set[str]:
    found: set[str] = set()
    for room in ROOMS:
        for path in (ROOT / room).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Import):
                    found |= {alias.name.partition(".")[0] for alias in node.names}
                elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                    found.add(node.module.partition(".")[0])
    return found


def test_every_chosen_dependency_is_used() -> None:
    modules = imported()
    unused = [
        name for name in chosen() if (module := IMPORTED_AS.get(name, name)) is not None and module not in modules
    ]
    assert unused == []


def test_every_chosen_dependency_is_explained() -> None:
    page = (ROOT / "docs/decisions/002-dependencies.md").read_text()
    assert [name for name in chosen() if not re.search(rf"\b{re.escape(name)}\b", page)] == []


def test_no_dependency_installs_a_package_of_our_names() -> None:
    taken = {
        name: owners
        for name, owners in importlib.metadata.packages_distributions().items()
        if name in {*ROOMS, "yurt"} and set(owners) != {"yurt"}
    }
    assert taken == {}


def test_lock_files_name_no_host_and_hash_everything() -> None:
    for lock in (ROOT / "requirements").glob("*.txt"):
        text = lock.read_text()
        assert "://" not in text
        assert "--index" not in text
        pinned = re.findall(r"^[a-z0-9][^\s]*==", text, re.MULTILINE)
        assert pinned
        assert len(re.findall(r"==[^\n]*\\\n\s+--hash=sha256:", text)) == len(pinned), lock
    assert '"resolved"' not in (ROOT / "package-lock.json").read_text()

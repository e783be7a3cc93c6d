"""The gVisor backend: an OCI bundle run by runsc, whose own kernel answers the command's system calls.

The limits are the same control group as every backend's, entered before runsc starts (`--ignore-cgroups`). The platform
is systrap, ptrace where runsc is older than that, and never kvm, which is known to spin on hosts with nested
virtualisation. Sources: OCI runtime-spec 1.0
`config.json`, gvisor.dev user guide.
"""

import functools
import json
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from sandbox.errors import JAIL_BACKEND_MISSING
from sandbox.jail import layout
from sandbox.jail.interface import JailSpec, Launch
from store.errors import YurtError

_FLAGS = ["nosuid", "nodev"]


def _bind(source: str, target: str, read_only: bool = True) -> dict[str, Any]:
    options = ["bind", "ro" if read_only else "rw", *_FLAGS]
    return {"destination": target, "type": "bind", "source": source, "options": options}


def _tmpfs(target: str, mode: str, size: int, uid: int) -> dict[str, Any]:
    options = [f"mode={mode}", f"size={size}", f"uid={uid}", f"gid={uid}", *_FLAGS]
    return {"destination": target, "type": "tmpfs", "source": "tmpfs", "options": options}


def bundle_config(spec: JailSpec, staged: Mapping[PurePosixPath, Path], etc: Path) -> dict[str, Any]:
    """The bundle's `config.json` for this spec; `etc` is the folder shown as /etc."""
    profile, limits = spec.profile, spec.granted
    mounts = [
        {"destination": "/proc", "type": "proc", "source": "proc"},
        {"destination": "/dev", "type": "tmpfs", "source": "tmpfs"},
        _bind("/usr", "/usr"),
        _bind(str(etc), "/etc"),
        *(_bind(place, place) for place in layout.ETC_SHOWN if Path(place).exists()),
        *(
            _tmpfs(place, mode, limits.tmp_bytes, profile.uid)
            for place, mode in (("/tmp", "1777"), (profile.home, "0700"), ("/dev/shm", "1777"))  # noqa: S108
        ),
        *(_bind(str(staged[bind.target]), str(bind.target), bind.read_only) for bind in spec.binds),
    ]
    return {
        "ociVersion": "1.0.2",
        "root": {"path": "root", "readonly": True},
        "hostname": profile.hostname,
        "process": {
            "user": {"uid": profile.uid, "gid": profile.gid},
            "args": ["/usr/bin/setpriv", "--no-new-privs", "--", *spec.command],
            "env": [f"{key}={value}" for key, value in layout.environment(spec).items()],
            "cwd": spec.cwd or profile.home,
            "noNewPrivileges": True,
            "capabilities": {key: [] for key in ("bounding", "effective", "inheritable", "permitted", "ambient")},
            "rlimits": [{"type": "RLIMIT_NOFILE", "hard": profile.open_files, "soft": profile.open_files}],
        },
        "mounts": mounts,
        "linux": {"namespaces": [{"type": kind} for kind in ("pid", "network", "ipc", "uts", "mount")]},
    }


@functools.cache
def _platform(runsc: str) -> str:
    """The best way this runsc has of catching system calls without a virtual machine."""
    told = subprocess.run([runsc, "flags"], capture_output=True, text=True, timeout=30, check=False)
    return "systrap" if "systrap" in told.stdout + told.stderr else "ptrace"


class GVisor:
    """See interface.Backend."""

    name = "gvisor"
    longest_s: float | None = 12 * 3600.0  # a sandbox kernel that hangs must still end

    def check(self) -> None:
        """See Backend."""
        if shutil.which("runsc") is None:
            raise YurtError(JAIL_BACKEND_MISSING, backend=self.name, program="runsc")

    def prepare(self, spec: JailSpec, staged: Mapping[PurePosixPath, Path], name: str) -> Launch:
        """See Backend."""
        self.check()
        scratch = Path(tempfile.mkdtemp(prefix="yurt-gvisor-"))
        scratch.chmod(0o711)
        etc, root = scratch / "etc", scratch / "root"
        for folder in (etc, root):
            folder.mkdir(mode=0o755)
        for place, content in layout.etc_files(spec.profile).items():
            (etc / PurePosixPath(place).name).write_text(content, encoding="utf-8")
        for place in layout.ETC_SHOWN:
            shown = scratch / place.lstrip("/")
            if Path(place).is_dir():
                shown.mkdir(parents=True)
            elif Path(place).exists():
                shown.touch()
        for place, target in layout.USR_LINKS.items():
            (root / place.lstrip("/")).symlink_to(target)
        for place in ("usr", "etc", "proc", "dev", "tmp", spec.profile.home.lstrip("/")):
            (root / place).mkdir(parents=True, exist_ok=True)
        for bind in spec.binds:
            point = root / str(bind.target).lstrip("/")
            point.parent.mkdir(parents=True, exist_ok=True)
            if bind.source.is_dir():
                point.mkdir(exist_ok=True)
            else:
                point.touch()
        (scratch / "config.json").write_text(json.dumps(bundle_config(spec, staged, etc)), encoding="utf-8")
        runsc = shutil.which("runsc") or "runsc"
        argv = [
            runsc, f"--root={scratch / 'state'}", f"--platform={_platform(runsc)}", "--network=none",
            "--ignore-cgroups", "--host-uds=open", "run", f"--bundle={scratch}", name,
        ]  # fmt: skip
        return Launch(argv, scratch=scratch)

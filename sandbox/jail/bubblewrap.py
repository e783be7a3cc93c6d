"""The bubblewrap backend: namespaces, an empty root, seccomp; built by an unprivileged user.

bubblewrap runs as the jail's own user, never as root, so that the user namespace maps to nobody on the host who owns
anything. The command is not process 1: it then has ordinary signals, and its end is reported as 128 + signal.
"""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from sandbox.errors import JAIL_BACKEND_MISSING
from sandbox.jail import layout, seccomp
from sandbox.jail.interface import JailSpec, Launch
from store.errors import YurtError


def _file(content: bytes) -> int:
    """Descriptor of an anonymous file with this content, at its start."""
    descriptor = os.memfd_create("jail")
    os.write(descriptor, content)
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor


def _program(name: str) -> str:
    path = shutil.which(name)
    if path is None:
        raise YurtError(JAIL_BACKEND_MISSING, backend=Bubblewrap.name, program=name)
    return path


class Bubblewrap:
    """See interface.Backend."""

    name = "bubblewrap"
    longest_s: float | None = None

    def check(self) -> None:
        """See Backend."""
        for program in ("bwrap", "setpriv"):
            _program(program)

    def prepare(self, spec: JailSpec, staged: Mapping[PurePosixPath, Path], name: str) -> Launch:
        """See Backend."""
        profile, scratch = spec.profile, str(spec.granted.tmp_bytes)
        descriptors = []

        def descriptor(content: bytes) -> str:
            descriptors.append(_file(content))
            return str(descriptors[-1])

        report = descriptor(b"")
        argv = [
            _program("setpriv"), f"--reuid={profile.uid}", f"--regid={profile.gid}", "--clear-groups",
            "--inh-caps=-all", "--no-new-privs", "--pdeathsig=KILL", "--", _program("bwrap"),
            "--unshare-all", "--unshare-user", "--disable-userns", "--die-with-parent", "--new-session",
            "--json-status-fd", report, "--hostname", profile.hostname, "--cap-drop", "ALL",
            "--ro-bind", "/usr", "/usr",
        ]  # fmt: skip
        for place, target in layout.USR_LINKS.items():
            argv += ["--symlink", target, place]
        for place in layout.ETC_SHOWN:
            argv += ["--ro-bind-try", place, place]
        for place, content in layout.etc_files(profile).items():
            argv += ["--perms", "0444", "--ro-bind-data", descriptor(content.encode()), place]
        argv += ["--proc", "/proc", "--dev", "/dev"]
        for place in ("/tmp", profile.home, "/dev/shm"):  # noqa: S108 - inside the jail
            argv += ["--perms", "0700" if place == profile.home else "1777", "--size", scratch, "--tmpfs", place]
        for bind in spec.binds:
            argv += ["--ro-bind" if bind.read_only else "--bind", str(staged[bind.target]), str(bind.target)]
        # Last, once every mount point exists; the mounts themselves keep their own flags.
        argv += ["--remount-ro", "/dev", "--remount-ro", "/", "--chdir", spec.cwd or profile.home, "--clearenv"]
        for key, value in layout.environment(spec).items():
            argv += ["--setenv", key, value]
        for program in seccomp.programs():
            argv += ["--add-seccomp-fd", descriptor(program)]
        # A second setpriv only for its exit status: 127 where the command does not exist, 126 where it cannot run.
        argv += ["--", "/usr/bin/setpriv", "--no-new-privs", "--", *spec.command]
        return Launch(argv, descriptors, report=int(report))

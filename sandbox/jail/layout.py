"""What the inside of a jail looks like: environment variables, the few files of /etc, and where things are shown."""

from collections.abc import Mapping
from pathlib import Path

from sandbox.jail.interface import JailSpec
from sandbox.profile import Profile

# Parts of /etc that hold no secret and that programs of /usr expect; each is shown only where the host has it.
ETC_SHOWN = ("/etc/ld.so.cache", "/etc/ssl/certs", "/etc/alternatives", "/etc/fonts")
USR_LINKS = {"/bin": "usr/bin", "/sbin": "usr/sbin", "/lib": "usr/lib", "/lib64": "usr/lib64"}


def etc_files(profile: Profile) -> Mapping[str, str]:
    """Files of /etc made for the jail. The resolver is dead on purpose: 192.0.2.0 is reserved (RFC 5737)."""
    return {
        "/etc/passwd": (
            "root:x:0:0:root:/nonexistent:/usr/sbin/nologin\n"
            f"{profile.user}:x:{profile.uid}:{profile.gid}:{profile.user}:{profile.home}:/bin/sh\n"
            "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n"
        ),
        "/etc/group": f"root:x:0:\n{profile.user}:x:{profile.gid}:\nnogroup:x:65534:\n",
        "/etc/hosts": f"127.0.0.1 localhost {profile.hostname}\n::1 localhost\n",
        "/etc/resolv.conf": "nameserver 192.0.2.0\noptions timeout:1 attempts:1\n",
        "/etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
        "/etc/hostname": f"{profile.hostname}\n",
    }


def environment(spec: JailSpec) -> dict[str, str]:
    """Variables of the jailed command; nothing comes from the host's environment."""
    path = [str(spec.python / "bin")] if spec.python else []
    return {
        "PATH": ":".join([*path, "/usr/local/bin", "/usr/bin", "/bin"]),
        "HOME": spec.profile.home,
        "USER": spec.profile.user,
        "LOGNAME": spec.profile.user,
        "LANG": "C.UTF-8",
        "TMPDIR": "/tmp",  # noqa: S108 - the jail's own, private and sized
        "PYTHONDONTWRITEBYTECODE": "1",
        "MPLBACKEND": "agg",
        **spec.environment,
    }


def python_mounts(python: Path | None) -> tuple[Path, ...]:
    """Folders a Python environment needs beyond /usr: itself, and its base installation if that is elsewhere."""
    if python is None:
        return ()
    folders = [python]
    config = python / "pyvenv.cfg"
    lines = config.read_text(encoding="utf-8").splitlines() if config.is_file() else []
    for key, _, value in (line.partition("=") for line in lines):
        if key.strip() == "home":
            folders.append(Path(value.strip()).resolve().parent)
    return tuple(folder for folder in folders if not folder.is_relative_to("/usr"))

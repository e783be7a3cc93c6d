"""The Python environment inside every jail: built once from a lock, at a path named by its content.

It is made from Debian's interpreter, because that lies in /usr, which every jail shows; a person's own interpreter may
lie in a home the jail's user cannot read. Two checkouts with the same lock and the same `kernels/` share one folder.
"""

import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from sandbox.errors import SANDBOX_ENVIRONMENT_FAILED, SANDBOX_ENVIRONMENT_MISSING
from store.errors import YurtError

VARIABLE = "YURT_SANDBOX_ENV"
PARENT = Path("/opt/yurt")
INTERPRETER = Path("/usr/bin/python3")
_ROOT = Path(__file__).resolve().parent.parent
_FORMAT = "1"  # raise when the way of building changes, so that older folders are not taken for new ones
_COMPLETE = "yurt-environment"


def _kernel_files(root: Path) -> list[Path]:
    skipped = {"__pycache__", "build"}
    return sorted(
        path
        for path in (root / "kernels").rglob("*")
        if path.is_file() and not any(part in skipped or part.endswith(".egg-info") for part in path.parts)
    )


def digest(root: Path = _ROOT) -> str:
    """Twelve hexadecimal digits that change whenever the environment would."""
    state = hashlib.sha256(_FORMAT.encode())
    for path in (root / "requirements" / "sandbox.txt", *_kernel_files(root)):
        content = path.read_bytes()
        state.update(f"{path.relative_to(root)}\0{len(content)}\0".encode())
        state.update(content)
    return state.hexdigest()[:12]


def environment_path(root: Path = _ROOT) -> Path:
    """Where the environment is, or will be: `YURT_SANDBOX_ENV`, or under /opt/yurt by its digest."""
    named = os.environ.get(VARIABLE)
    return Path(named).absolute() if named else PARENT / f"env-{digest(root)}"


def built_environment(root: Path = _ROOT) -> Path | None:
    """The environment where it is complete, else None."""
    with contextlib.suppress(OSError):
        path = environment_path(root)
        if (path / _COMPLETE).is_file():
            return path
    return None


def require_environment(root: Path = _ROOT) -> Path:
    """The environment. Raises SANDBOX_ENVIRONMENT_MISSING."""
    path = built_environment(root)
    if path is None:
        raise YurtError(SANDBOX_ENVIRONMENT_MISSING)
    return path


def _uv() -> str:
    beside = Path(sys.executable).parent / "uv"
    found = str(beside) if beside.exists() else shutil.which("uv")
    if found is None:
        hint = "Install the requirements of this checkout into its .venv."
        raise YurtError(SANDBOX_ENVIRONMENT_FAILED, why="uv is not installed", hint=hint)
    return found


def _run(*command: str) -> None:
    environment = {key: value for key, value in os.environ.items() if key not in ("VIRTUAL_ENV", "PYTHONPATH")}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines() or ["no message"]
        why = f"`{Path(command[0]).name} {' '.join(command[1:3])}` said: {lines[-1]}"
        raise YurtError(SANDBOX_ENVIRONMENT_FAILED, why=why, hint="Mend what it names and run `make setup` again.")


def _fill(folder: Path, final: Path, root: Path) -> None:
    """Build in `folder` an environment that will work at `final`."""
    uv, python = _uv(), str(folder / "bin" / "python")
    # Relocatable scripts name their interpreter by their own place, so that the finished folder can be renamed.
    _run(uv, "venv", "--quiet", "--relocatable", "--python", str(INTERPRETER), str(folder))
    lock = str(root / "requirements" / "sandbox.txt")
    copy = ("--link-mode", "copy")  # the cache may lie on another file system, and must not share inodes with a jail
    _run(uv, "pip", "sync", "--quiet", "--require-hashes", *copy, "--python", python, lock)
    with tempfile.TemporaryDirectory(prefix="yurt-kernels-") as scratch:
        # A copy, because building leaves its traces beside the sources.
        source = Path(scratch) / "kernels"
        shutil.copytree(root / "kernels", source, ignore=shutil.ignore_patterns("*.egg-info", "build", "__pycache__"))
        _run(uv, "pip", "install", "--quiet", "--no-deps", *copy, "--python", python, str(source))
    _run(python, "-m", "compileall", "-q", "-j", "0", str(folder / "lib"))
    (folder / _COMPLETE).write_text(f"{final.name}\n", encoding="ascii")
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            path.chmod((path.stat().st_mode | (0o555 if path.is_dir() else 0o444)) & ~0o022)


def build_environment(root: Path = _ROOT) -> Path:
    """Build the environment unless it is there already, and give its path. Raises SANDBOX_ENVIRONMENT_FAILED.

    It appears whole or not at all: it is built under another name and renamed; a lock keeps two builders apart.
    """
    final = environment_path(root)
    if (final / _COMPLETE).is_file():
        return final
    try:
        final.parent.mkdir(parents=True, exist_ok=True, mode=0o755)
        with (final.parent / f".{final.name}.lock").open("w", encoding="ascii") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if (final / _COMPLETE).is_file():
                return final
            folder = Path(tempfile.mkdtemp(prefix=f".{final.name}-", dir=final.parent))
            try:
                _fill(folder, final, root)
                if final.exists():  # an incomplete folder, left by hand or by an older way of building
                    shutil.rmtree(final)
                folder.rename(final)
            finally:
                shutil.rmtree(folder, ignore_errors=True)
    except OSError as error:
        hint = f"Make {final.parent} writable, or name another place in {VARIABLE}."
        raise YurtError(SANDBOX_ENVIRONMENT_FAILED, why=error.strerror or "no access", hint=hint) from error
    return final


def main() -> int:
    """`python -m sandbox.environment`: build it and print its path."""
    try:
        sys.stdout.write(f"{build_environment()}\n")
    except YurtError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

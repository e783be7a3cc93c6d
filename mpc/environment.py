"""The engine's own Python environment (`.spu`): SPU needs numpy < 2, so it never shares one with the platform.

Built with uv from hashed requirements, once; a stamp of the requirements' digest makes a second call a no-op.
`YURT_SPU_ENV` names another place. `python -m mpc.environment` builds it and prints the interpreter.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from mpc.errors import ENGINE_MISSING
from store.errors import YurtError

ROOT = Path(__file__).resolve().parent.parent
REQUIREMENTS = ROOT / "requirements" / "spu.txt"
ENGINE = "spu 0.9.5"


def environment_folder() -> Path:
    """Where the engine's environment lies: `YURT_SPU_ENV`, or `.spu` beside the packages."""
    return Path(os.environ.get("YURT_SPU_ENV") or ROOT / ".spu")


def interpreter() -> Path:
    """The engine's Python. Raises ENGINE_MISSING where it has not been built."""
    python = environment_folder() / "bin" / "python"
    if not python.exists():
        raise YurtError(ENGINE_MISSING)
    return python


def build() -> Path:
    """Create or refresh the environment and return its Python; safe to call again, and from two processes at once."""
    folder = environment_folder()
    folder.mkdir(parents=True, exist_ok=True)
    wanted = hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()
    stamp = folder / "requirements.sha256"
    with open(folder / "build.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        python = folder / "bin" / "python"
        if not (python.exists() and stamp.exists() and stamp.read_text() == wanted):
            uv = _uv()
            if not python.exists():
                subprocess.run([uv, "venv", "--quiet", "--allow-existing", "--python", "3.11", str(folder)], check=True)
            sync = [uv, "pip", "sync", "--quiet", "--python", str(python), "--require-hashes", str(REQUIREMENTS)]
            subprocess.run(sync, check=True)
            # A wheel that installs may still not import (seen with other engines): only an import proves it.
            subprocess.run([str(python), "-c", "import spu"], check=True)
            stamp.write_text(wanted)
    return python


def _uv() -> str:
    beside = Path(sys.executable).parent / "uv"
    found = str(beside) if beside.exists() else shutil.which("uv")
    if found is None:
        raise YurtError(ENGINE_MISSING)
    return found


if __name__ == "__main__":
    print(build())

"""Step 3: JupyterHub spawns the server in the jail; cells run through the hub's proxy show that the walls hold."""

import time

from portal.story.errors import StoryFailed
from portal.story.kernel import Kernel
from portal.story.people import RESEARCHER
from portal.story.world import PROJECT, World

SPAWN_S = 120

NO_NETWORK = """
import socket
def reach(family, address):
    try:
        with socket.socket(family, socket.SOCK_STREAM) as s:
            s.settimeout(2); s.connect(address)
        return "REACHED"
    except OSError as error:
        return type(error).__name__
print("outside", reach(socket.AF_INET, ("192.0.2.1", 80)))
print("host", reach(socket.AF_INET, ("127.0.0.1", {port})))
try:
    socket.getaddrinfo("example.org", 80); print("dns REACHED")
except OSError as error:
    print("dns", type(error).__name__)
print("interfaces", [name for _, name in socket.if_nameindex()])
"""
NO_FILES = """
import os
for path in ("/root", "/etc/shadow", "/home", "/sys/fs/cgroup", "/var/log", {home!r}):
    try:
        names = os.listdir(path) if os.path.isdir(path) else [open(path).read(1)]
        print(path, "VISIBLE" if [n for n in names if n != "researcher"] else "empty")
    except OSError as error:
        print(path, type(error).__name__)
for path in ("/usr/x", "/etc/x", "/x"):
    try:
        open(path, "w"); print(path, "WRITTEN")
    except OSError as error:
        print(path, "OSError")
"""
NO_RIGHTS = """
lines = dict(l.split(":", 1) for l in open("/proc/self/status") if ":" in l)
print({k: lines[k].strip() for k in ("Uid", "CapEff", "CapPrm", "CapBnd", "NoNewPrivs", "Seccomp")})
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
mounted = libc.mount(b"none", b"/tmp", b"tmpfs", 0, None)
print("unshare", libc.unshare(0x10000000), "mount", mounted, "chroot", libc.chroot(b"/tmp"))
"""
LIMITS = """
import os, subprocess, sys
hog = subprocess.run([sys.executable, "-c", "b = []\\nwhile True: b.append(bytearray(50_000_000))"])
print("memory", hog.returncode)
children = []
try:
    for _ in range(5000):
        pid = os.fork()
        if pid == 0:
            import time; time.sleep(20); os._exit(0)
        children.append(pid)
    print("pids UNLIMITED")
except OSError as error:
    print("pids", type(error).__name__, len(children))
finally:
    for pid in children:
        os.kill(pid, 9); os.waitpid(pid, 0)
"""


def play(world: World) -> None:
    """Open the sandbox and look at its walls from inside."""
    researcher = world.as_(RESEARCHER)
    open_sandbox(world)
    with Kernel(researcher, PROJECT) as kernel:
        port = world.url.rsplit(":", 1)[1].split("/")[0]
        network = kernel.run(NO_NETWORK.replace("{port}", port))
        world.check(
            "no network but the gateway: outside, host and DNS unreachable, only lo",
            "REACHED" not in network.text and "['lo']" in network.text and network.error is None,
            network,
        )
        files = kernel.run(NO_FILES.replace("{home!r}", repr(str(world.home.resolve()))))
        world.check(
            "no host files, system read-only",
            "VISIBLE" not in files.text and "WRITTEN" not in files.text and files.error is None,
            files,
        )
        rights = kernel.run(NO_RIGHTS)
        world.check(
            "no capabilities, no new privileges, seccomp on",
            all(f"'{name}': '0000000000000000'" in rights.text for name in ("CapEff", "CapPrm", "CapBnd"))
            and "'NoNewPrivs': '1'" in rights.text
            and "'Seccomp': '2'" in rights.text
            and "unshare -1 mount -1 chroot -1" in rights.text,
            rights,
        )
        limits = kernel.run(LIMITS)
        world.check(
            "limits hold: a memory hog is killed, a fork bomb stops",
            "memory -9" in limits.text and "pids BlockingIOError" in limits.text,
            limits,
        )


def open_sandbox(world: World) -> None:
    """Ask the hub for the server and wait until it serves."""
    researcher = world.as_(RESEARCHER)
    began = time.monotonic()
    answer = researcher.hub("POST", f"/users/{RESEARCHER.username}/servers/{PROJECT}")
    if answer.is_error:
        raise StoryFailed(f"the sandbox did not start: HTTP {answer.status_code} {answer.text[:300]}")
    while True:
        user = researcher.hub("GET", f"/users/{RESEARCHER.username}").json()
        server = user.get("servers", {}).get(PROJECT, {})
        if server.get("ready"):
            break
        if time.monotonic() - began > SPAWN_S or not server:
            raise StoryFailed(f"the sandbox was not ready after {time.monotonic() - began:.0f} s")
        time.sleep(0.3)
    world.see(f"sandbox ready after {time.monotonic() - began:.1f} s")

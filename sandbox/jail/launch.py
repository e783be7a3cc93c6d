"""The last host process before a jail: enters the control groups, stages the binds, becomes the jail builder.

Run as its own program (`python -I -S launch.py FD`), with a JSON plan on descriptor FD, so that no code runs between
fork and exec in a threaded parent, and so that the command is inside its limits before its first instruction. It
imports nothing of the platform.

Staging: each source is cloned with open_tree(2) while still root, which reads through folders closed to the jail's
user and cannot be swapped by a symbolic link afterwards; the clone is then attached in a private mount namespace.
Read-only clones are id-mapped (mount_setattr(2), Linux 5.12), so their owner's files appear as the jail user's.
Writable ones are not: through such a map the jail could leave set-uid files that belong to root.
"""

import contextlib
import ctypes
import errno
import json
import os
import resource
import signal
import stat
import sys

_PR_SET_PDEATHSIG = 1
_AT_FDCWD = -100
_AT_EMPTY_PATH = 0x1000
_CLONE_NEWNS, _CLONE_NEWUSER = 0x20000, 0x10000000
_MS_REC, _MS_SLAVE, _MS_NOSUID, _MS_NODEV = 0x4000, 1 << 19, 2, 4
_OPEN_TREE_CLONE, _OPEN_TREE_CLOEXEC = 1, os.O_CLOEXEC
_MOVE_MOUNT_F_EMPTY_PATH = 4
_MOUNT_ATTR_IDMAP = 0x100000
# The same on every architecture, as all system calls since Linux 5.1 are.
_OPEN_TREE, _MOVE_MOUNT, _MOUNT_SETATTR = 428, 429, 442

_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long


class _MountAttr(ctypes.Structure):
    _fields_ = (
        ("attr_set", ctypes.c_uint64),
        ("attr_clr", ctypes.c_uint64),
        ("propagation", ctypes.c_uint64),
        ("userns_fd", ctypes.c_uint64),
    )


def _check(value: int, what: str) -> int:
    if value < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return value


def _clone_mount(source: str) -> int:
    """Descriptor of a detached mount of `source`; a symbolic link is followed once, here, and never again."""
    call = _libc.syscall(_OPEN_TREE, _AT_FDCWD, os.fsencode(source), _OPEN_TREE_CLONE | _OPEN_TREE_CLOEXEC)
    return _check(call, f"cannot open {source}")


def _user_namespace(owner: int, group: int, uid: int, gid: int) -> int:
    """Descriptor of a user namespace that shows files of `owner`:`group` as `uid`:`gid`'s."""
    ready_r, ready_w = os.pipe()
    child = os.fork()
    if child == 0:
        failed = _libc.unshare(_CLONE_NEWUSER)
        os.write(ready_w, b"n" if failed else b"y")
        signal.pause()
        os._exit(0)
    try:
        if os.read(ready_r, 1) != b"y":
            raise OSError(errno.EPERM, "user namespaces are not available")
        for kind, inside, outside in (("uid", owner, uid), ("gid", group, gid)):
            with open(f"/proc/{child}/{kind}_map", "w", encoding="ascii") as table:
                table.write(f"{inside} {outside} 1\n")
        return os.open(f"/proc/{child}/ns/user", os.O_RDONLY | os.O_CLOEXEC)
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        os.close(ready_r)
        os.close(ready_w)


def _show_as(mount: int, found: os.stat_result, uid: int, gid: int) -> None:
    """Id-map a detached mount; where kernel or file system cannot, its permissions stay as they are on disk."""
    if found.st_uid == uid and found.st_gid == gid:
        return
    namespace = _user_namespace(found.st_uid, found.st_gid, uid, gid)
    attr = _MountAttr(attr_set=_MOUNT_ATTR_IDMAP, userns_fd=namespace)
    call = _libc.syscall(_MOUNT_SETATTR, mount, b"", _AT_EMPTY_PATH, ctypes.byref(attr), ctypes.sizeof(attr))
    os.close(namespace)
    if call < 0 and ctypes.get_errno() not in (errno.EINVAL, errno.ENOSYS, errno.EPERM, errno.EOPNOTSUPP):
        _check(call, "cannot map the owner")


def _stage(plan: dict) -> None:  # type: ignore[type-arg]
    """Attach every source under the stage, in a mount namespace that ends with the jail."""
    _check(_libc.unshare(_CLONE_NEWNS), "cannot leave the mount namespace")
    _check(_libc.mount(b"none", b"/", None, _MS_REC | _MS_SLAVE, None), "cannot keep mounts to itself")
    mounts = []
    for bind in plan["binds"]:
        mount = _clone_mount(bind["source"])
        found = os.fstat(mount)
        kind = stat.S_IFMT(found.st_mode)
        if kind not in (stat.S_IFREG, stat.S_IFDIR, stat.S_IFSOCK):
            raise OSError(errno.EINVAL, f"{bind['source']} is not a file, folder or socket")
        if bind["read_only"]:
            _show_as(mount, found, plan["uid"], plan["gid"])
        mounts.append((mount, bind["staged"], kind == stat.S_IFDIR))
    if not mounts:
        return
    stage = plan["stage"]
    options = b"mode=0755,size=64k"
    _check(_libc.mount(b"stage", os.fsencode(stage), b"tmpfs", _MS_NOSUID | _MS_NODEV, options), "cannot make a stage")
    for mount, staged, is_folder in mounts:
        if is_folder:
            os.mkdir(staged, 0o755)
        else:
            os.close(os.open(staged, os.O_CREAT | os.O_WRONLY, 0o644))
        call = _libc.syscall(_MOVE_MOUNT, mount, b"", _AT_FDCWD, os.fsencode(staged), _MOVE_MOUNT_F_EMPTY_PATH)
        _check(call, f"cannot attach {staged}")
        os.close(mount)


def main() -> None:
    """Do the plan, then exec. A failure is one line on the plan's error descriptor and exit status 125."""
    descriptor = int(sys.argv[1])
    with os.fdopen(descriptor, encoding="utf-8") as text:
        plan = json.load(text)
    os.set_inheritable(plan["errors"], False)
    # From here on this process dies with its starter; setpriv and bubblewrap each ask for it again, because a change of
    # user clears it (prctl(2), PR_SET_PDEATHSIG). The starter may have died before the call.
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != plan["parent"]:
        os._exit(125)
    try:
        for procs in plan["cgroup_procs"]:
            with open(procs, "w", encoding="ascii") as entry:
                entry.write(str(os.getpid()))
        for name, value in plan["rlimits"].items():
            resource.setrlimit(getattr(resource, name), (value, value))
        _stage(plan)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        for number in (signal.SIGPIPE, signal.SIGXFSZ):
            signal.signal(number, signal.SIG_DFL)  # Python ignores both, and ignoring is inherited
        os.execv(plan["argv"][0], plan["argv"])  # noqa: S606 - there is no shell to want
    except OSError as error:
        with contextlib.suppress(OSError):  # nobody may be left to read it
            os.write(plan["errors"], str(error).encode("utf-8", "replace")[:2000])
        os._exit(125)


if __name__ == "__main__":
    main()

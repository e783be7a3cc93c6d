"""A process gives up what a parser never needs: memory, time, files, programs, the network."""

import errno
import os
import resource

from sandbox.airlock.limits import InspectionLimits

# Reading stays possible (libraries load parts late); everything that could carry data out or start something does not.
_DENIED = (
    "socket", "socketpair", "connect", "sendto", "sendmsg", "bind", "listen", "execve", "execveat", "fork", "vfork",
    "ptrace", "process_vm_readv", "process_vm_writev", "kill", "tkill", "pidfd_open", "pidfd_send_signal", "mount",
    "umount2", "unshare", "setns", "chroot", "pivot_root", "bpf", "perf_event_open", "io_uring_setup", "userfaultfd",
    "keyctl", "add_key", "request_key", "unlink", "unlinkat", "rename", "renameat", "renameat2", "link", "linkat",
    "symlink", "symlinkat", "mkdir", "mkdirat", "mknod", "mknodat", "chmod", "fchmod", "fchmodat", "chown", "fchown",
    "fchownat", "truncate", "creat", "setuid", "setgid", "setreuid", "setregid", "setresuid", "setresgid",
)  # fmt: skip
_CLONE_THREAD = 0x00010000


def limit_resources(limits: InspectionLimits, write_bytes: int) -> None:
    """Hard limits for this process. `write_bytes` is the most it may write to any file."""
    for kind, value in (
        (resource.RLIMIT_AS, limits.memory_bytes),
        (resource.RLIMIT_CPU, limits.cpu_s),
        (resource.RLIMIT_FSIZE, write_bytes),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, 128),
    ):
        resource.setrlimit(kind, (value, value))


def deny_system_calls() -> None:
    """seccomp filter over `_DENIED`, over opening files for writing and over new processes (threads stay possible)."""
    import pyseccomp as seccomp

    refuse = seccomp.ERRNO(errno.EPERM)
    rules = seccomp.SyscallFilter(seccomp.ALLOW)
    for name in _DENIED:
        rules.add_rule(refuse, name)
    rules.add_rule(seccomp.ERRNO(errno.ENOSYS), "clone3")  # its flags are behind a pointer; libc falls back to clone
    rules.add_rule(refuse, "clone", seccomp.Arg(0, seccomp.MASKED_EQ, _CLONE_THREAD, 0))
    for write_flag in (os.O_WRONLY, os.O_RDWR):
        rules.add_rule(refuse, "openat", seccomp.Arg(2, seccomp.MASKED_EQ, os.O_ACCMODE, write_flag))
        rules.add_rule(refuse, "open", seccomp.Arg(1, seccomp.MASKED_EQ, os.O_ACCMODE, write_flag))
    rules.add_rule(seccomp.ERRNO(errno.ENOSYS), "openat2")
    rules.load()

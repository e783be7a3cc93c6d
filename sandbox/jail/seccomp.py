"""The system calls a jailed process may make: an allow-list, then a second filter on dangerous arguments.

The list follows the default profile of Docker (moby `profiles/seccomp/default.json`) for a process without
capabilities, less what neither Python nor Jupyter needs: tracing, io_uring, userfaultfd, file handles, memfd_secret,
keys. What is refused by name answers EPERM; what nobody thought of answers ENOSYS, so that a C library tries its
older way. The numbers are this machine's; a program of another architecture (i386, x32) is killed.
The kernel takes the stricter of two filters (seccomp(2)), which is how one call can be both listed and narrowed.
"""

import errno
import functools
import os

import pyseccomp

_ALLOWED = """
accept accept4 access adjtimex alarm arch_prctl bind brk cachestat capget capset chdir chmod chown clock_adjtime
clock_getres clock_gettime clock_nanosleep clone close close_range connect copy_file_range creat dup dup2 dup3
epoll_create epoll_create1 epoll_ctl epoll_pwait epoll_pwait2 epoll_wait eventfd eventfd2 execve execveat exit
exit_group faccessat faccessat2 fadvise64 fallocate fchdir fchmod fchmodat fchmodat2 fchown fchownat fcntl fdatasync
fgetxattr flistxattr flock fork fremovexattr fsetxattr fstat fstatfs fsync ftruncate futex futex_requeue futex_wait
futex_waitv futex_wake futimesat getcpu getcwd getdents getdents64 getegid geteuid getgid getgroups getitimer
getpeername getpgid getpgrp getpid getppid getpriority getrandom getresgid getresuid getrlimit get_robust_list
getrusage getsid getsockname getsockopt get_thread_area gettid gettimeofday getuid getxattr inotify_add_watch
inotify_init inotify_init1 inotify_rm_watch ioctl ioprio_get ioprio_set kill lchown lgetxattr link linkat listen
listxattr llistxattr lremovexattr lseek lsetxattr lstat madvise map_shadow_stack membarrier memfd_create mincore
mkdir mkdirat mknod mknodat mlock mlock2 mlockall mmap mprotect mq_getsetattr mq_notify mq_open mq_timedreceive
mq_timedsend mq_unlink mremap msgctl msgget msgrcv msgsnd msync munlock munlockall munmap nanosleep newfstatat open
openat openat2 pause pidfd_open pidfd_send_signal pipe pipe2 pkey_alloc pkey_free pkey_mprotect poll ppoll prctl
pread64 preadv preadv2 prlimit64 process_mrelease pselect6 pwrite64 pwritev pwritev2 read readahead readlink
readlinkat readv recvfrom recvmmsg recvmsg remap_file_pages removexattr rename renameat renameat2 restart_syscall
rmdir rseq rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait
rt_tgsigqueueinfo sched_getaffinity sched_getattr sched_getparam sched_get_priority_max sched_get_priority_min
sched_getscheduler sched_rr_get_interval sched_setaffinity sched_setattr sched_setparam sched_setscheduler
sched_yield seccomp select semctl semget semop semtimedop sendfile sendmmsg sendmsg sendto setfsgid setfsuid setgid
setgroups setitimer setpgid setpriority setregid setresgid setresuid setreuid setrlimit set_robust_list setsid
setsockopt set_thread_area set_tid_address setuid setxattr shmat shmctl shmdt shmget shutdown sigaltstack signalfd
signalfd4 socket socketpair splice stat statfs statx symlink symlinkat sync sync_file_range syncfs sysinfo tee tgkill
time timer_create timer_delete timer_getoverrun timer_gettime timer_settime timerfd_create timerfd_gettime
timerfd_settime times tkill truncate umask uname unlink unlinkat utime utimensat utimes vfork vmsplice wait4 waitid
write writev
get_mempolicy mbind set_mempolicy landlock_create_ruleset landlock_add_rule landlock_restrict_self personality
"""

_REFUSED = """
acct add_key bpf chroot delete_module fanotify_init fanotify_mark finit_module fsconfig fsmount fsopen fspick
init_module io_uring_enter io_uring_register io_uring_setup ioperm iopl kcmp kexec_file_load kexec_load keyctl
lookup_dcookie memfd_secret modify_ldt migrate_pages mount mount_setattr move_mount move_pages
name_to_handle_at nfsservctl open_by_handle_at open_tree perf_event_open pidfd_getfd pivot_root process_madvise
process_vm_readv process_vm_writev
ptrace quotactl quotactl_fd reboot request_key setdomainname sethostname setns settimeofday clock_settime
set_mempolicy_home_node swapoff swapon _sysctl syslog umount2 unshare userfaultfd ustat uselib vhangup
"""

# CLONE_NEW* of sched.h, each refused by itself: a filter cannot ask for "any of these bits".
_CLONE_NEW = (0x00020000, 0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000)
_AF_UNIX, _AF_INET, _AF_INET6, _AF_NETLINK = 1, 2, 10, 16
# Terminal calls that put characters into another's input (CVE-2016-2568 and after), and TIOCLINUX's paste.
_TIOCSTI, _TIOCLINUX = 0x5412, 0x541C
_LOW_32 = 0xFFFFFFFF
_PER_LINUX = 0


def _export(rules: "pyseccomp.SyscallFilter") -> bytes:
    """The filter as the bytes of a BPF program, which is what jail builders read."""
    descriptor = os.memfd_create("seccomp")
    with os.fdopen(descriptor, "rb") as file:
        rules.export_bpf(file)
        file.seek(0)
        return file.read()


def _add(rules: "pyseccomp.SyscallFilter", action: int, names: list[str]) -> None:
    for name in names:
        # An older libseccomp or another processor lacks some names; those then answer ENOSYS by default.
        if pyseccomp.resolve_syscall(pyseccomp.system_arch(), name) >= 0:
            rules.add_rule(action, name)


def _allow_list() -> bytes:
    rules = pyseccomp.SyscallFilter(pyseccomp.ERRNO(errno.ENOSYS))
    _add(rules, pyseccomp.ALLOW, _ALLOWED.split())
    _add(rules, pyseccomp.ERRNO(errno.EPERM), _REFUSED.split())
    return _export(rules)


def _argument_checks() -> bytes:
    rules = pyseccomp.SyscallFilter(pyseccomp.ALLOW)
    refuse, no_family = pyseccomp.ERRNO(errno.EPERM), pyseccomp.ERRNO(errno.EAFNOSUPPORT)
    for flag in _CLONE_NEW:
        rules.add_rule(refuse, "clone", pyseccomp.Arg(0, pyseccomp.MASKED_EQ, flag, flag))
    for family in range(_AF_NETLINK):
        if family not in (_AF_UNIX, _AF_INET, _AF_INET6):
            rules.add_rule(no_family, "socket", pyseccomp.Arg(0, pyseccomp.EQ, family))
    rules.add_rule(no_family, "socket", pyseccomp.Arg(0, pyseccomp.GT, _AF_NETLINK))
    # libzmq aborts without NETLINK_ROUTE (protocol 0), and with it every Jupyter kernel.
    rules.add_rule(no_family, "socket", pyseccomp.Arg(0, pyseccomp.EQ, _AF_NETLINK), pyseccomp.Arg(2, pyseccomp.NE, 0))
    for request in (_TIOCSTI, _TIOCLINUX):
        # The kernel reads 32 bits of the request, so only those may be compared.
        rules.add_rule(refuse, "ioctl", pyseccomp.Arg(1, pyseccomp.MASKED_EQ, _LOW_32, request))
    rules.add_rule(refuse, "personality", pyseccomp.Arg(0, pyseccomp.NE, _PER_LINUX))
    return _export(rules)


@functools.cache
def programs() -> tuple[bytes, bytes]:
    """The two BPF programs, to be loaded in this order. The second covers what the first lets through by name."""
    return _allow_list(), _argument_checks()

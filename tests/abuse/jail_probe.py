"""Attacks on the jail, run only inside it with a bare interpreter. Prints one JSON object: attack -> how it ended.

`allowed` means that the attack worked; anything else is the errno name or the value found.
"""

import ctypes
import errno
import json
import os
import socket
import sys

libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long


def call(number: int, *arguments: object) -> str:
    if libc.syscall(ctypes.c_long(number), *arguments) < 0:
        return errno.errorcode[ctypes.get_errno()]
    return "allowed"


def attempt(action: object) -> object:
    try:
        result = action()  # type: ignore[operator]
    except OSError as error:
        return errno.errorcode.get(error.errno or 0, str(error))
    return "allowed" if result is None else result


def connect(family: int, address: object, kind: int = socket.SOCK_STREAM) -> object:
    def action() -> None:
        with socket.socket(family, kind) as plug:
            plug.settimeout(3)
            plug.connect(address)

    return attempt(action)


def opened(family: int, kind: int, protocol: int = 0) -> object:
    return attempt(lambda: socket.socket(family, kind, protocol).close())


def resolve(name: str) -> object:
    try:
        return socket.getaddrinfo(name, 80)[0][4][0]
    except socket.gaierror:
        return "unresolved"


def read(path: str) -> object:
    def action() -> str:
        with open(path, "rb") as file:
            return f"read {len(file.read(10))} bytes"

    return attempt(action)


def write(path: str) -> object:
    def action() -> None:
        with open(path, "ab") as file:
            file.write(b"x")

    return attempt(action)


def status(*keys: str) -> dict[str, str]:
    with open("/proc/self/status") as file:
        table = dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
    return {key: table[key].strip() for key in keys}


def main(host_port: int, abstract: str, secret: str) -> dict[str, object]:
    """Everything at once; the numbers are x86-64 system calls."""
    path = ctypes.c_char_p(b"/tmp")
    none = ctypes.c_void_p(0)
    return {
        "uid": [os.getuid(), os.geteuid(), os.getgid(), os.getgroups()],
        "status": status("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp"),
        "interfaces": sorted(name for _, name in socket.if_nameindex()),
        "processes": sum(name.isdigit() for name in os.listdir("/proc")),
        "roots": sorted(os.listdir("/")),
        "descriptors": sorted(os.listdir("/proc/self/fd"))[:-1],
        "hostname": socket.gethostname(),
        "host loopback": connect(socket.AF_INET, ("127.0.0.1", host_port)),
        "internet v4": connect(socket.AF_INET, ("192.0.2.1", 80)),
        "internet v6": connect(socket.AF_INET6, ("2001:db8::1", 80)),
        "cloud metadata": connect(socket.AF_INET, ("169.254.169.254", 80)),
        "udp": attempt(lambda: connect(socket.AF_INET, ("192.0.2.1", 53), socket.SOCK_DGRAM)),
        "dns": resolve("example.com"),
        "abstract socket of the host": connect(socket.AF_UNIX, "\0" + abstract),
        "raw socket": opened(socket.AF_INET, socket.SOCK_RAW, 1),
        "packet socket": opened(17, socket.SOCK_RAW, 768),
        "vsock": opened(40, socket.SOCK_STREAM),
        "crypto socket": opened(38, 5),
        "bluetooth": opened(31, socket.SOCK_RAW),
        "netlink route": opened(16, socket.SOCK_RAW, 0),
        "netlink audit": opened(16, socket.SOCK_RAW, 9),
        "read /etc/shadow": read("/etc/shadow"),
        "read a secret of the host": read(secret),
        "read /root": attempt(lambda: str(os.listdir("/root"))),
        "read /sys/fs/cgroup": attempt(lambda: str(os.listdir("/sys/fs/cgroup"))),
        "read /proc/1/root": attempt(lambda: str("work" in os.listdir("/proc/1/root"))),
        "read /proc/kcore": read("/proc/kcore"),
        "write /": write("/x"),
        "write /etc": write("/etc/x"),
        "write /etc/passwd": write("/etc/passwd"),
        "write /usr": write("/usr/bin/x"),
        "write /dev": write("/dev/x"),
        "write /proc/sys": write("/proc/sys/kernel/hostname"),
        "write /proc/sysrq": write("/proc/sysrq-trigger"),
        "setuid(0)": attempt(lambda: os.setuid(0)),
        "mknod device": attempt(lambda: os.mknod("/tmp/sda", 0o60600, os.makedev(254, 0))),
        "mount": call(165, b"none", path, b"tmpfs", 0, none),
        "umount /usr": call(166, b"/usr", 2),
        "remount /": call(165, none, b"/", none, 32, none),
        "chroot": attempt(lambda: os.chroot("/tmp")),
        "pivot_root": call(155, path, path),
        "open_tree": call(428, -100, path, 1),
        "unshare user": call(272, 0x10000000),
        "unshare mount": call(272, 0x20000),
        "setns": call(308, 0, 0),
        "clone newuser": call(56, 0x10000000 | 17, none, none, none, none),
        "clone3": call(435, none, 0),
        "ptrace": call(101, 16, os.getppid(), none, none),
        "process_vm_readv": call(310, os.getpid(), none, 0, none, 0, 0),
        "bpf": call(321, 0, none, 0),
        "perf_event_open": call(298, none, 0, -1, -1, 0),
        "keyctl": call(250, 0, -3, 0),
        "add_key": call(248, b"user", b"a", b"b", 1, -3),
        "io_uring_setup": call(425, 8, none),
        "userfaultfd": call(323, 0),
        "open_by_handle_at": call(304, -100, none, 0),
        "init_module": call(175, none, 0, b""),
        "kexec_load": call(246, 0, 0, none, 0),
        "personality": call(135, 0x0040000),
        "syslog": call(103, 3, none, 0),
        "TIOCSTI": call(16, 0, 0x5412, b"x"),
        "TIOCSTI with high bits": call(16, 0, ctypes.c_long(0x1_0000_5412), b"x"),
        "an unknown call": call(1000),
        "x32 is not tried": "it would kill the probe",
    }


if __name__ == "__main__":
    print(json.dumps(main(int(sys.argv[1]), sys.argv[2], sys.argv[3])))

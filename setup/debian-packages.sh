#!/bin/sh
# Install the Debian packages named as arguments that are missing, as root or through sudo; says so in one line.
# PROGRAM=PACKAGE installs PACKAGE only where there is no PROGRAM, whoever brought it.
set -eu

missing=
for package in "$@"; do
    case $package in *=*) command -v "${package%%=*}" >/dev/null && continue ;; esac
    package=${package#*=}
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if ! command -v apt-get >/dev/null; then
    echo "setup: install these packages with your system's package manager:$missing" >&2
    exit 1
fi
as_root=
if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || { echo "setup: run as root: apt-get install -y$missing" >&2; exit 1; }
    as_root=sudo
fi
echo "setup: installing Debian packages:$missing"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# shellcheck disable=SC2086 # the list is meant to split
{ $as_root apt-get update -qq && DEBIAN_FRONTEND=noninteractive $as_root apt-get install -y -qq --no-install-recommends $missing; } \
    >"$log" 2>&1 || { tail -n 5 "$log" >&2; echo "setup: apt-get could not install:$missing" >&2; exit 1; }

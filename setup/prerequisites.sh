#!/bin/sh
# Check what set-up itself needs; one line for the first thing missing.
set -eu

need() { echo "setup: $1" >&2; exit 1; }

python=${PYTHON:-python3}
command -v "$python" >/dev/null || need "Python 3.11 is missing: apt-get install -y python3 python3-venv"
"$python" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' ||
    need "Python 3.11 is needed, $($python -V) was found: name one with make PYTHON=/path/to/python3.11"
"$python" -c 'import ensurepip, venv' 2>/dev/null || need "Python's venv module is missing: apt-get install -y python3-venv"
[ -x /usr/bin/python3 ] || need "Debian's own Python is missing (sandboxes use it): apt-get install -y python3"
/usr/bin/python3 -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' ||
    need "/usr/bin/python3 must be Python 3.11 (Debian 12)"
command -v node >/dev/null || need "Node.js 20 or newer is missing: install the package nodejs"
node -e 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)' || need "Node.js 20 or newer is needed, $(node -v) was found"
command -v npm >/dev/null || need "npm is missing: install the package npm"

"""Names of a sandbox's folders: always valid, the same every time, never the same for two sandboxes.

`slug` keeps what is readable of a name in plain ASCII and adds ten hexadecimal digits of SHA-256 over the whole of it,
so that neither case, script, length nor punctuation can make two names meet or leave the folder they belong in.
"""

import hashlib
import re

_PLAIN = re.compile(r"[^a-z0-9]+")
_READABLE = 24


def slug(*parts: str) -> str:
    """At most 35 characters of `a-z`, `0-9` and `-` for these names together; not reversible."""
    whole = "\0".join(parts)
    plain = "-".join(parts).lower().encode("ascii", "ignore").decode()
    readable = _PLAIN.sub("-", plain).strip("-")[:_READABLE].strip("-")
    return f"{readable or 'x'}-{hashlib.sha256(whole.encode('utf-8', 'surrogatepass')).hexdigest()[:10]}"

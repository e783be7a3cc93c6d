"""Names of people, projects and tables turned into names that Kubernetes, file systems and SQL accept.

| function | valid as | unique | reversible |
|---|---|---|---|
| `object_name` | DNS-1123 label (pod, namespace), at most 63 characters | 64 bits of SHA-256 over the input | no |
| `label_value` | label value, at most 63 characters | unchanged, or as above | no |
| `file_name` | file name on ext4 and NTFS; keeps Han and Mongolian letters | unchanged, or as above | no |
| `table_name` | unquoted SQL identifier in DuckDB, PostgreSQL and Spark, at most 63 bytes | as above | no |
| `escape`/`unescape` | DNS-1123 label, but of any length | one to one | yes |

The same input always gives the same name. Inputs that only look alike (composed and decomposed letters) are different
inputs; a caller that wants them to be one normalises first.
"""

import hashlib
import re

_DIGEST = 16  # hexadecimal digits: two of 100 million names meet with a chance of 3 in 10,000
_LABEL = 63
_PLAIN_LABEL = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?")
_FILE_LETTERS = r"A-Za-z0-9\u4e00-\u9fff\u3400-\u4dbf\u1820-\u1878"
_PLAIN_FILE = re.compile(rf"[{_FILE_LETTERS}](?:[{_FILE_LETTERS}._-]{{0,78}}[{_FILE_LETTERS}])?")
_FILE_BYTES = 160
# CON, NUL and their kind are devices on Windows, with or without an extension.
_DEVICE = re.compile(r"(?:con|prn|aux|nul|com\d|lpt\d)(?:\..*)?", re.IGNORECASE)
_KEPT = frozenset(b"abcdefghijklmnopqrstuvwxyz0123456789")
_HASHED = re.compile(rf"(?:.*-)?[0-9a-f]{{{_DIGEST}}}", re.DOTALL)


def _digest(*parts: str) -> str:
    """Over the parts with their lengths, so that ("ab", "c") and ("a", "bc") differ."""
    state = hashlib.sha256()
    for part in parts:
        data = part.encode("utf-8", "surrogatepass")
        state.update(f"{len(data)}:".encode() + data)
    return state.hexdigest()[:_DIGEST]


def _readable(parts: tuple[str, ...], length: int, joint: str = "-") -> str:
    ascii_only = joint.join(parts).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", joint, ascii_only).strip(joint)[:length].strip(joint)


def object_name(kind: str, *parts: str) -> str:
    """`kind` (a short lower-case word of ours), what is readable of the parts, and a digest over kind and parts."""
    readable = _readable(parts, _LABEL - len(kind) - _DIGEST - 2)
    return "-".join(filter(None, (kind, readable, _digest(kind, *parts))))


def label_value(text: str) -> str:
    """The text where it is a label value already (and could not be one of ours), else a readable part and a digest."""
    if _PLAIN_LABEL.fullmatch(text) and not _HASHED.fullmatch(text):
        return text
    return "-".join(filter(None, (_readable((text,), _LABEL - _DIGEST - 1), _digest(text))))


def file_name(text: str, extension: str = "") -> str:
    """A safe file name; `extension` (of ours, such as ".csv") is kept at the end."""
    plain = _PLAIN_FILE.fullmatch(text) and not _DEVICE.fullmatch(text) and not _HASHED.fullmatch(text)
    if plain and ".." not in text and len(text.encode()) <= _FILE_BYTES:
        return text + extension
    letters = re.sub(rf"[^{_FILE_LETTERS}]+", "-", text).strip("-")
    while len(letters.encode()) > _FILE_BYTES - _DIGEST - 1:
        letters = letters[:-1]
    return "-".join(filter(None, (letters.strip("-"), _digest(text)))) + extension


def table_name(text: str) -> str:
    """An SQL identifier that needs no quotes and is no keyword: it starts with `t_` and ends with a digest."""
    return "_".join(filter(None, ("t", _readable((text,), 40, "_"), _digest(text))))


def escape(text: str) -> str:
    """`x`, then lower-case letters and digits as they are, every other UTF-8 byte as `-` and two hexadecimal digits."""
    data = text.encode("utf-8", "surrogatepass")
    return "x" + "".join(chr(byte) if byte in _KEPT else f"-{byte:02x}" for byte in data)


def unescape(name: str) -> str:
    """The text behind an escaped name. Raises `ValueError` for what `escape` does not make."""
    text = re.sub(r"(?:-[0-9a-f]{2})+", _bytes_of, name[1:])
    if escape(text) != name:
        raise ValueError("not an escaped name")
    return text


def _bytes_of(match: re.Match[str]) -> str:
    return bytes.fromhex(match[0].replace("-", "")).decode("utf-8", "surrogatepass")

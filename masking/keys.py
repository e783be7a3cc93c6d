"""Masking keys: one root secret, one derived key per scope label.

Two columns masked under the same label can be joined; under different labels nothing links them. Only the process
that runs the engine holds a key ring; SQL text carries labels alone.
"""

import hashlib
import hmac
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class KeyRing(Mapping[str, bytes]):
    """Derives a 32-byte key for any label from `root` (>= 16 bytes): HMAC-SHA-256 as the PRF of NIST SP 800-108.

    Behaves as a mapping label -> key that knows every non-empty label; iterating yields nothing, since labels are not
    stored. `repr` never shows the root.
    """

    root: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.root) < 16:
            raise ValueError("a masking root key has at least 16 bytes")

    def __getitem__(self, label: str) -> bytes:
        if not label:
            raise KeyError(label)
        return hmac.new(self.root, b"\x00\x00\x00\x01yurt/masking\x00" + label.encode(), hashlib.sha256).digest()

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0

    def __bool__(self) -> bool:
        return True

"""Text as UTF-8, with the characters that can hide something noted."""

import unicodedata

from sandbox.airlock import codes
from sandbox.airlock.findings import Findings, Stop
from sandbox.airlock.kinds import holds_markup

_CONTROL_ALLOWED = "\t\n\r"
# Direction overrides (CVE-2021-42574) and the tag block, which spells whole invisible sentences.
_OVERRIDES = frozenset(chr(c) for c in (*range(0x202A, 0x202F), *range(0x2066, 0x206A)))
# Mongolian script needs these to join and separate letters, so a person decides instead of the machine (Unicode 13.5).
_INVISIBLE = frozenset("\u200b\u200c\u200d\u2060\u180b\u180c\u180d\u180e\u180f\ufeff\u00ad\u2061\u2062\u2063\u2064")


def decode(data: bytes, findings: Findings, where: str = "") -> str:
    """UTF-8 text of the bytes, without a leading byte-order mark. Raises `Stop` when it is not UTF-8."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        findings.add(codes.ENCODING, f"byte {error.start}")
        raise Stop from error
    check_characters(text, findings, where)
    if holds_markup(data):
        findings.add(codes.ACTIVE_CONTENT, where or "text")
    return text


def check_characters(text: str, findings: Findings, where: str = "") -> None:
    """Note control, direction-override, tag, private-use and invisible characters, each by its first position."""
    suspicious = {c for c in set(text) if unicodedata.category(c) in ("Cc", "Cf", "Co", "Cn", "Cs")}
    for character in sorted(suspicious - set(_CONTROL_ALLOWED)):
        at = f"{where}{', ' if where else ''}character {text.index(character) + 1}"
        hidden = character in _INVISIBLE or unicodedata.category(character) == "Co"
        forbidden = character in _OVERRIDES or 0xE0000 <= ord(character) <= 0xE0FFF
        findings.add(codes.HIDDEN_CHARACTERS if hidden and not forbidden else codes.CONTROL_CHARACTERS, at)

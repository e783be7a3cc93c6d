"""Numbers, sizes, dates and digests as people read them. Times are stored in UTC and shown in China Standard Time."""

import json
from datetime import UTC, date, datetime
from typing import Any

from babel.dates import format_date, format_datetime
from babel.numbers import format_decimal

from store.days import ZONE

LOCALES = {"zh": "zh_CN", "en": "en_GB"}
DAY = {"zh": "y年M月d日", "en": "d MMM y"}
MOMENT = {"zh": "y年M月d日 HH:mm", "en": "d MMM y, HH:mm"}
_KIB = 1024


def day(value: str | date | None, language: str) -> str:
    """2026年11月22日, or 22 Nov 2026."""
    if not value:
        return "—"
    given = date.fromisoformat(value[:10]) if isinstance(value, str) else value
    return str(format_date(given, DAY[language], locale=LOCALES[language]))


def moment(value: str | datetime | None, language: str) -> str:
    """Date and minute in China Standard Time."""
    if not value:
        return "—"
    given = datetime.fromisoformat(value) if isinstance(value, str) else value
    if given.tzinfo is None:
        given = given.replace(tzinfo=UTC)
    return str(format_datetime(given.astimezone(ZONE), MOMENT[language], locale=LOCALES[language]))


def number(value: float | int | None, language: str, digits: int = 0) -> str:
    """With separators of thousands and at most `digits` decimals."""
    if value is None:
        return "—"
    pattern = "#,##0" + ("." + "#" * digits if digits else "")
    return str(format_decimal(value, pattern, locale=LOCALES[language]))


def size(value: int | None, language: str) -> str:
    """Bytes in the largest binary unit that leaves at least 1."""
    if value is None:
        return "—"
    amount, unit = float(value), "B"
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if amount < _KIB or unit == "TiB":
            break
        amount /= _KIB
    return f"{number(amount, language, 0 if unit == 'B' else 1)} {unit}"


def seconds(value: float | None, language: str) -> str:
    """A duration: seconds up to two minutes, then minutes and seconds, then hours and minutes."""
    if value is None:
        return "—"
    whole = round(value)
    second, minute, hour = {"zh": (" 秒", " 分", " 小时"), "en": (" s", " min", " h")}[language]
    if whole < 120:
        return f"{number(value, language, 1)}{second}"
    if whole < 7200:
        return f"{whole // 60}{minute}" + (f" {whole % 60}{second}" if whole % 60 else "")
    rest = whole % 3600 // 60
    return f"{number(whole // 3600, language)}{hour}" + (f" {rest}{minute}" if rest else "")


def digest_parts(value: str) -> tuple[str, str, str]:
    """(head, middle, tail) of a digest; pages hide the middle, but a copy takes all of it."""
    if len(value) <= 20:
        return value, "", ""
    head = value.partition(":")[0] + ":" if ":" in value[:10] else ""
    keep = len(head) + 8
    return value[:keep], value[keep:-6], value[-6:]


def plain(value: Any) -> str:
    """A JSON scalar or list as one short line."""
    if isinstance(value, dict):
        return ", ".join(f"{key}={plain(each)}" for key, each in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(plain(each) for each in value)
    return "—" if value is None else str(value)


def pretty(value: Any) -> str:
    """JSON over several lines, as an approver reads a manifest."""
    return json.dumps(value, ensure_ascii=False, indent=2)

"""The day it is. Periods of grants begin and end with days of China Standard Time, whatever the machine's own zone."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

ZONE = ZoneInfo("Asia/Shanghai")


def day_of(moment: datetime) -> date:
    """The day in China Standard Time on which a moment (with its zone) falls."""
    return moment.astimezone(ZONE).date()


def today() -> date:
    """Today in China Standard Time."""
    return day_of(datetime.now(UTC))

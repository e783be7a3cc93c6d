"""The day it is for people here."""

from datetime import date, datetime

from portal.pages.formats import ZONE


def today() -> date:
    """Today in China Standard Time."""
    return datetime.now(ZONE).date()

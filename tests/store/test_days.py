from datetime import UTC, date, datetime

from store.days import day_of


def test_a_day_begins_eight_hours_before_that_of_greenwich():
    assert day_of(datetime(2026, 11, 25, 15, 59, 59, tzinfo=UTC)) == date(2026, 11, 25)
    assert day_of(datetime(2026, 11, 25, 16, 0, tzinfo=UTC)) == date(2026, 11, 26)

"""Check digits against vectors printed in standards, plus the error classes each one promises to catch."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from masking import checksums


@pytest.mark.parametrize(
    ("check", "valid"),
    [
        (checksums.id_card, ["11010519491231002X", "440524188001010014"]),  # GB 11643-1999, both examples
        (checksums.id_card, ["11010519491231002x"]),
        (checksums.uscc, ["91350100M000100Y43", "91512081MA62K0260E"]),  # GB 32100-2015, worked example
        (checksums.org_code, ["D2143569X"]),  # GB 11714-1997, worked example
        (checksums.mod_11_10, ["07945", "794623"]),  # ISO/IEC 7064, pure-system examples
        (checksums.luhn, ["79927398713", "4111111111111111", "490154203237518"]),
        (checksums.vin, ["1M8GDM9AXKP042788", "11111111111111111"]),
        (checksums.icao_9303, ["5207273", "AB2134<5"]),  # ICAO Doc 9303-3, section 4.9 and its appendix
        (checksums.iban, ["DE89370400440532013000", "GB82WEST12345698765432"]),
    ],
)
def test_printed_numbers_are_valid(check, valid):
    for value in valid:
        assert check(value), value


def test_mod_11_2_gives_the_standard_s_check_character():
    assert checksums.mod_11_2("11010519491231002") == "X"
    assert checksums.mod_11_2("44052418800101001") == "4"


@given(st.text("0123456789", min_size=17, max_size=17), st.integers(0, 16), st.integers(1, 9))
def test_one_wrong_digit_is_always_noticed(body, place, step):
    right = body + checksums.mod_11_2(body)
    wrong = right[:place] + str((int(right[place]) + step) % 10) + right[place + 1 :]
    assert checksums.id_card(right)
    assert not checksums.id_card(wrong)


@given(st.text("0123456789", min_size=17, max_size=17), st.integers(0, 15))
def test_two_swapped_digits_are_always_noticed(body, place):
    right = body + checksums.mod_11_2(body)
    if right[place] != right[place + 1]:
        swapped = right[:place] + right[place + 1] + right[place] + right[place + 2 :]
        assert not checksums.id_card(swapped)


@given(st.text(max_size=40))
def test_no_text_breaks_a_checksum(text):
    for check in (
        checksums.id_card,
        checksums.uscc,
        checksums.org_code,
        checksums.mod_11_10,
        checksums.luhn,
        checksums.vin,
        checksums.iban,
    ):
        assert check(text) in (True, False)


def test_days_are_real_and_not_in_the_future():
    assert checksums.calendar_day("20240229")
    assert not checksums.calendar_day("20230229")
    assert not checksums.calendar_day("18791231")
    assert not checksums.calendar_day("20240301", today=date(2024, 2, 29))

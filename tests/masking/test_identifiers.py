"""Synthetic residents look right, belong to nobody and never change."""

import hashlib
from datetime import date

import pytest

from masking import checksums, places
from masking.identifiers import UNASSIGNED_MOBILE_PREFIXES, UNISSUED_COUNTY_DIGITS, synthetic_residents


def test_identity_numbers_are_valid_unique_and_from_areas_never_issued():
    residents = synthetic_residents(3000, seed=4).to_pylist()
    assert len({row["id_no"] for row in residents}) == 3000
    for row in residents:
        assert checksums.id_card(row["id_no"])
        assert row["id_no"][:4] == row["county_code"][:4]
        assert int(row["id_no"][4:6]) in UNISSUED_COUNTY_DIGITS
        assert row["id_no"][:6] not in places.divisions()
        assert row["id_no"][6:14] == f"{row['birth_date']:%Y%m%d}"
        assert ("女", "男")[int(row["id_no"][16]) % 2] == row["gender"]


def test_phones_are_unique_and_from_unassigned_prefixes():
    phones = synthetic_residents(3000, seed=4)["phone"].to_pylist()
    assert len(set(phones)) == 3000
    assert {int(phone[:3]) for phone in phones} <= set(UNASSIGNED_MOBILE_PREFIXES)
    assert {len(phone) for phone in phones} == {11}


def test_addresses_lie_in_the_county_of_the_row():
    table = places.divisions()
    for row in synthetic_residents(300, seed=4).to_pylist():
        county = table[row["county_code"]]
        assert row["address"].startswith(f"内蒙古自治区{table[county.parent].name}{county.name}")
        assert row["address"].endswith(("号", "室"))


def test_about_a_fifth_of_the_names_are_mongolian():
    names = synthetic_residents(3000, seed=4)["name"].to_pylist()
    surnames = set(places.lines("surnames.txt")[0])
    mongolian = [name for name in names if len(name) > 3 or name[0] not in surnames]
    assert 0.1 < len(mongolian) / len(names) < 0.25


def test_the_same_seed_gives_the_same_people_everywhere():
    text = repr(synthetic_residents(50, seed=7).to_pydict())
    assert (
        hashlib.sha256(text.encode()).hexdigest() == "e9b3ffc9710e7e0d229e45da91e1920837a6362b589a72acace11b3c91a045ad"
    )
    assert synthetic_residents(50, seed=8)["id_no"].to_pylist() != synthetic_residents(50, seed=7)["id_no"].to_pylist()


def test_no_residents_make_an_empty_table():
    assert synthetic_residents(0).num_rows == 0


def test_a_register_fits_people_whose_age_and_sex_are_known():
    births, male = [date(1934, 1, 5), date(2010, 2, 28), date(2010, 2, 28)], [True, False, True]
    residents = synthetic_residents(3, seed=4, births=births, male=male).to_pylist()
    assert [row["birth_date"] for row in residents] == births
    assert [row["gender"] for row in residents] == ["男", "女", "男"]
    assert [row["id_no"][6:14] for row in residents] == ["19340105", "20100228", "20100228"]
    assert [int(row["id_no"][16]) % 2 for row in residents] == [1, 0, 1]


def test_as_many_births_as_residents_are_needed():
    with pytest.raises(ValueError, match="zip"):
        synthetic_residents(2, births=[date(2000, 1, 1)])

"""The three datasets of the story: real microdata joined by synthetic identifiers.

The census has real people of 1994 aged and sexed as they were; each is given a synthetic identity number whose birth
date and sex fit. The register holds the same people with names, phones and addresses. Three patients of five are
residents of the census, by age decade and sex; the others get numbers of their own. Everything follows from SEED.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from importlib.resources import files
from pathlib import Path

import numpy as np
import pyarrow
import pyarrow.compute as compute
import pyarrow.parquet as parquet

from masking.identifiers import synthetic_residents

SEED = 15
CENSUS_DAY = date(2024, 11, 1)
RESIDENT_PATIENTS = 0.6
SOURCE = "synthetic identifiers on real microdata (UCI, CC BY 4.0)"


@dataclass(frozen=True, slots=True)
class StoryDataset:
    """What a steward types into the form, and the table of the file they upload."""

    id: str
    agency: str
    title: str
    title_en: str
    description: str
    unit: str
    table: pyarrow.Table

    def write(self, folder: Path) -> Path:
        """The Parquet file to upload."""
        path = folder / f"{self.id}.parquet"
        parquet.write_table(self.table, path, compression="zstd")
        return path


def _packaged(name: str) -> pyarrow.Table:
    with (files("portal.story") / "data" / f"{name}.parquet").open("rb") as file:
        return parquet.read_table(file)


def _births(ages: np.ndarray, seed: int) -> list[date]:
    """A birthday for each age in years on the census day."""
    days = np.random.default_rng(seed).integers(1, 365, len(ages))
    return [CENSUS_DAY - timedelta(days=int(age * 365.25) + int(day)) for age, day in zip(ages, days, strict=True)]


@cache
def story_datasets() -> list[StoryDataset]:
    """Census, hospital encounters and resident register, ready to publish."""
    adult, encounters = _packaged("adult"), _packaged("diabetes_encounters")
    ages = adult["age"].to_numpy()
    male = compute.equal(adult["sex"], "Male").to_pylist()
    residents = synthetic_residents(adult.num_rows, SEED, births=_births(ages, SEED), male=male)
    census = adult.add_column(0, "id_no", residents["id_no"]).add_column(1, "county_code", residents["county_code"])
    return [
        StoryDataset(
            "census", "stats", "人口普查微观数据", "Census microdata", "个人层面的就业、教育与收入。", "id_no", census
        ),
        StoryDataset(
            "encounters",
            "health",
            "住院就诊记录",
            "Hospital encounters",
            "糖尿病患者的住院记录；一名患者可有多条。",
            "id_no",
            _with_patients(encounters, residents, ages, male),
        ),
        StoryDataset(
            "register", "police", "常住人口登记", "Resident register", "姓名、证件、电话与住址。", "id_no", residents
        ),
    ]


def _with_patients(
    encounters: pyarrow.Table,
    residents: pyarrow.Table,
    ages: np.ndarray,
    male: list[bool],
) -> pyarrow.Table:
    """The encounters with an identity number for each patient (`patient_nbr` repeats, so a person is not a row)."""
    rng = np.random.default_rng(SEED)
    rows = encounters.select(["patient_nbr", "age", "gender"]).to_pylist()
    people = {row["patient_nbr"]: (int(row["age"][1:].split("-")[0]), row["gender"] == "Male") for row in rows}
    by_kind: dict[tuple[int, bool], list[int]] = {}
    for index in rng.permutation(len(ages)):
        by_kind.setdefault((int(ages[index]) // 10 * 10, male[index]), []).append(int(index))
    known, strangers = residents["id_no"].to_pylist(), {}
    numbers: dict[int, str] = {}
    for patient, kind in people.items():
        if rng.random() < RESIDENT_PATIENTS and by_kind.get(kind):
            numbers[patient] = known[by_kind[kind].pop()]
        else:
            strangers[patient] = kind
    births = _births(np.array([decade + 5 for decade, _ in strangers.values()]), SEED + 1)
    others = synthetic_residents(
        len(strangers), SEED + 1, births=births, male=[is_male for _, is_male in strangers.values()]
    )["id_no"].to_pylist()
    taken = set(known)
    for patient, number in zip(strangers, others, strict=True):
        if number in taken:
            raise ValueError("two synthetic people share an identity number: choose another seed")
        numbers[patient] = number
    column = pyarrow.array([numbers[row["patient_nbr"]] for row in rows], pyarrow.string())
    return encounters.add_column(0, "id_no", column).drop_columns(["patient_nbr"])

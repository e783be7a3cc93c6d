"""A small deterministic data set: a tiny county, a rare diagnosis, a hidden county, dominated firms."""

from datetime import date, timedelta
from pathlib import Path
from random import Random

import duckdb

CANARY = "赵金丝雀"
"""A name that no answer may ever hold."""
SCHEMA = """
CREATE TABLE citizen(id_no VARCHAR PRIMARY KEY, name VARCHAR, gender VARCHAR, birth_date DATE, county VARCHAR,
                     phone VARCHAR, income DECIMAL(12,2), diagnosis VARCHAR);
CREATE TABLE enterprise(uscc VARCHAR PRIMARY KEY, name VARCHAR, county VARCHAR, industry VARCHAR, founded DATE,
                     employees INTEGER,
                     revenue DECIMAL(14,2), tax_paid DECIMAL(14,2), legal_rep_id VARCHAR, legal_rep_phone VARCHAR);
CREATE TABLE visit(visit_id BIGINT PRIMARY KEY, id_no VARCHAR, hospital VARCHAR, dept VARCHAR, visit_date DATE,
                     icd10 VARCHAR, cost DECIMAL(10,2), insured BOOLEAN);
CREATE TABLE secret_case(case_id INTEGER, id_no VARCHAR, note VARCHAR);
"""
COUNTIES = ("临江县", "东海县", "西山县", "北原县")


def people(random: Random) -> list[tuple[object, ...]]:
    """1,207 people: 300 per county, 7 in 孤岛县, and 40 in 涉密县, which the row filter hides."""
    found: list[tuple[object, ...]] = []
    counties = [*(county for county in COUNTIES for _ in range(300)), *["孤岛县"] * 7, *["涉密县"] * 40]
    for number, county in enumerate(counties):
        diagnosis = "HIV" if number % 100 == 7 else ("diabetes", "flu", "none", "asthma")[random.randrange(4)]
        born = date(1940, 1, 1) + timedelta(days=random.randrange(25_000))
        income = round(random.lognormvariate(11, 0.4), 2)
        gender = "M" if random.random() < 0.5 else "F"
        found.append(
            (
                f"ID{number:06}",
                CANARY if number == 7 else f"姓名{number}",
                gender,
                born,
                county,
                f"137{number:08}",
                income,
                diagnosis,
            )
        )
    return found


def firms(random: Random) -> list[tuple[object, ...]]:
    """126 firms; the 7 tourism firms of 东海县 are one giant and six dwarfs."""
    found: list[tuple[object, ...]] = []
    for number in range(126):
        tourism = number < 7
        county = "东海县" if tourism else "涉密县" if number > 120 else COUNTIES[number % 4]
        industry = "tourism" if tourism else ("mining", "farming", "trade")[number % 3]
        revenue = 990_000_000 if number == 0 else 1_000_000 if tourism else round(random.uniform(1e6, 5e6), 2)
        founded = date(1990 + number % 10, 1 + number % 12, 1)
        found.append(
            (
                f"USCC{number:05}",
                f"企业{number}",
                county,
                industry,
                founded,
                10 + number,
                revenue,
                revenue / 10,
                f"ID{number:06}",
                "13711112222",
            )
        )
    return found


def visits(random: Random, citizens: list[tuple[object, ...]]) -> list[tuple[object, ...]]:
    """3,000 visits over three years, the first before the row filter's date."""
    found: list[tuple[object, ...]] = []
    for number in range(3000):
        person = citizens[random.randrange(len(citizens))][0]
        day = date(2022, 1, 1) + timedelta(days=random.randrange(1095))
        icd10 = ("E11", "I10", "J45", "B20")[min(random.randrange(12), 3)]
        found.append(
            (
                number,
                person,
                f"H{random.randrange(1, 4)}",
                ("内科", "外科")[number % 2],
                day,
                icd10,
                round(random.uniform(50, 3000), 2),
                number % 3 > 0,
            )
        )
    return found


def build(folder: Path) -> Path:
    """Write `folder`/county.duckdb and one Parquet file per table; the path of the database."""
    random = Random(20260101)  # noqa: S311 -- the same data every time
    citizens = people(random)
    path = folder / "county.duckdb"
    with duckdb.connect(str(path)) as connection:
        for statement in SCHEMA.split(";"):
            if statement.strip():
                connection.execute(statement)
        tables = {
            "citizen": citizens,
            "enterprise": firms(random),
            "visit": visits(random, citizens),
            "secret_case": [(1, "ID000007", f"T {CANARY}")],
        }
        for name, rows in tables.items():
            marks = ", ".join("?" for _ in rows[0])
            connection.begin()  # not one transaction per row
            connection.executemany(f"INSERT INTO {name} VALUES ({marks})", rows)
            connection.commit()
            connection.execute(f"COPY {name} TO '{folder / (name + '.parquet')}'")
    return path

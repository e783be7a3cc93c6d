"""Publishing: stewards upload, the platform proposes, nothing half-done stays behind."""

from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet as parquet
import pytest
from fastapi.testclient import TestClient

from audit.log import read_records
from masking.identifiers import synthetic_residents
from portal.context import Platform
from portal.session import SESSION_COOKIE
from tests.portal.conftest import census_table

API = "/services/portal/api/v1"
FORM = {
    "id": "census",
    "title": "普查",
    "title_en": "Census",
    "description": "d",
    "unit": "person_no",
    "source": "test",
}


def upload(caller: Any, file: Path, **changed: str) -> Any:
    with file.open("rb") as content:
        return caller.post("/datasets", data={**FORM, **changed}, files={"file": ("x.parquet", content)})


def left_over(platform: Platform) -> list[str]:
    return [path.name for folder in (platform.incoming, platform.data) for path in folder.rglob("*") if path.is_file()]


def test_a_steward_registers_and_publishes(as_: Any, census_file: Path, platform: Platform) -> None:
    answer = upload(as_("wangli"), census_file)
    assert answer.status_code == 201
    draft = answer.json()
    assert (draft["state"], draft["rows"], draft["agency"]["id"]) == ("draft", 300, "stats")
    assert [column["name"] for column in draft["columns"]] == ["person_no", "town", "hours"]
    assert {column["data_type"] for column in draft["columns"]} == {"VARCHAR", "BIGINT"}
    assert as_("sarnai").get("/datasets").json() == []  # a draft is its steward's alone
    assert as_("sarnai").get("/datasets/census").status_code == 404

    answer = as_("wangli").post("/datasets/census/publish", json={"grades": {"town": 3}, "reason": "r"})
    assert answer.json()["state"] == "published"
    assert next(c for c in answer.json()["columns"] if c["name"] == "town")["grade"] == 3
    assert [found["id"] for found in as_("sarnai").get("/datasets").json()] == ["census"]
    events = [(record["event"], record["actor"], record["subject"]) for record in read_records(platform.audit.path)]
    assert events == [("dataset.registered", "wangli", "census"), ("dataset.published", "wangli", "census")]
    assert left_over(platform) == ["v1.parquet"]


@pytest.mark.parametrize("name", ["sarnai", "gaowa", "liumin"])
def test_only_stewards_register(as_: Any, census_file: Path, platform: Platform, name: str) -> None:
    answer = upload(as_(name), census_file)
    assert (answer.status_code, answer.json()["code"]) == (403, "ROLE_REQUIRED")
    assert left_over(platform) == []


def test_a_steward_of_another_agency_cannot_publish(as_: Any, census_file: Path) -> None:
    upload(as_("wangli"), census_file)
    answer = as_("batu").post("/datasets/census/publish", json={})
    assert (answer.status_code, answer.json()["code"]) == (403, "ROLE_REQUIRED")


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"id": "../x"}, (422, "NAME_INVALID")),
        ({"unit": "absent"}, (422, "COLUMN_UNKNOWN")),
        ({"title": ""}, (422, "BODY_INVALID")),
        ({"grade": "1"}, (422, "BODY_INVALID")),
    ],
)
def test_a_wrong_form_leaves_nothing(
    as_: Any, census_file: Path, platform: Platform, changed: dict[str, str], expected: tuple[int, str]
) -> None:
    answer = upload(as_("wangli"), census_file, **changed)
    assert (answer.status_code, answer.json()["code"]) == expected
    assert left_over(platform) == []


def test_a_file_that_is_not_parquet_is_refused(as_: Any, tmp_path: Path, platform: Platform) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"person_no\n1\n")
    answer = upload(as_("wangli"), path)
    assert (answer.status_code, answer.json()["code"]) == (422, "FILE_UNREADABLE")
    assert left_over(platform) == []


def test_registering_twice_keeps_the_first_file(as_: Any, census_file: Path, platform: Platform) -> None:
    upload(as_("wangli"), census_file)
    before = (platform.data / "census/v1.parquet").stat().st_mtime_ns
    answer = upload(as_("wangli"), census_file)
    assert (answer.status_code, answer.json()["code"]) == (409, "DATASET_EXISTS")
    assert (platform.data / "census/v1.parquet").stat().st_mtime_ns == before


def test_without_a_record_nothing_is_registered(
    as_: Any, census_file: Path, platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(platform.audit, "append", full)
    assert upload(as_("wangli"), census_file).status_code == 500
    assert as_("wangli").get("/datasets").json() == []
    assert left_over(platform) == []


def test_an_upload_through_a_browser_needs_the_forms_token(
    web: TestClient, hub: Any, census_file: Path, platform: Platform
) -> None:
    session = web.app.state.sessions.open("token-wangli")  # type: ignore[attr-defined]
    web.cookies.set(SESSION_COOKIE, session, path="/services/portal/")
    with census_file.open("rb") as content:
        answer = web.post(f"{API}/datasets", data=FORM, files={"file": ("x", content)})
    assert (answer.status_code, answer.json()["code"]) == (403, "CSRF_INVALID")
    assert left_over(platform) == []
    token = web.app.state.sessions.csrf(session)  # type: ignore[attr-defined]
    with census_file.open("rb") as content:
        answer = web.post(f"{API}/datasets", data={**FORM, "csrf": token}, files={"file": ("x", content)})
    assert answer.status_code == 201


def test_nobody_unknown_may_send_a_file(web: TestClient) -> None:
    answer = web.post(f"{API}/datasets", files={"file": ("x", b"x" * (3 << 20))})
    assert (answer.status_code, answer.json()["code"]) == (413, "BODY_TOO_LARGE")


def add_version(caller: Any, file: Path) -> Any:
    with file.open("rb") as content:
        return caller.post("/datasets/census/versions", files={"file": ("x.parquet", content)})


def written(folder: Path, table: Any) -> Path:
    path = folder / "next.parquet"
    parquet.write_table(table, path)
    return path


def test_a_new_version_of_the_same_kind_is_taken_in(
    as_: Any, published: str, platform: Platform, tmp_path: Path
) -> None:
    answer = add_version(as_("wangli"), written(tmp_path, census_table(400)))
    assert answer.status_code == 201, answer.text
    assert (answer.json()["version"], answer.json()["rows"], answer.json()["drift"]) == (2, 400, [])
    last = list(read_records(platform.audit.path))[-1]
    assert (last["event"], last["subject"]) == ("dataset.version_added", published)
    assert sorted(left_over(platform)) == ["v1.parquet", "v2.parquet"]


def test_identifiers_in_an_accepted_column_stop_the_import(
    as_: Any, published: str, platform: Platform, tmp_path: Path
) -> None:
    table = census_table()
    ids = synthetic_residents(table.num_rows)["id_no"]
    answer = add_version(as_("wangli"), written(tmp_path, table.set_column(1, "town", ids)))
    assert (answer.status_code, answer.json()["code"]) == (409, "DATASET_DRIFTED")
    assert "town" in answer.json()["message"]
    assert not any(value in answer.text for value in ids.to_pylist())
    last = list(read_records(platform.audit.path))[-1]
    assert (last["event"], last["details"]["drift"][0]) == ("dataset.version_refused", "town IDENTIFIER_NEW")
    assert left_over(platform) == ["v1.parquet"]
    assert as_("wangli").get("/datasets/census").json()["version"] == 1


def test_identifiers_that_begin_far_down_stop_the_import(as_: Any, published: str, tmp_path: Path) -> None:
    table = census_table(120_000)
    ids = synthetic_residents(20_000)["id_no"].to_pylist()
    town = pyarrow.array(table["town"].to_pylist()[:100_000] + ids, table["town"].type)
    path = tmp_path / "late.parquet"
    parquet.write_table(table.set_column(1, "town", town), path, row_group_size=10_000)
    assert add_version(as_("wangli"), path).json()["code"] == "DATASET_DRIFTED"


def test_other_columns_are_another_dataset(as_: Any, published: str, platform: Platform, tmp_path: Path) -> None:
    for table in (census_table().drop_columns(["hours"]), census_table().select(["town", "person_no", "hours"])):
        answer = add_version(as_("wangli"), written(tmp_path, table))
        assert (answer.status_code, answer.json()["code"]) == (422, "COLUMNS_DIFFER")
    assert left_over(platform) == ["v1.parquet"]


def test_only_its_steward_adds_a_version(as_: Any, published: str, tmp_path: Path) -> None:
    for name in ("sarnai", "gaowa"):
        answer = add_version(as_(name), written(tmp_path, census_table()))
        assert (answer.status_code, answer.json()["code"]) == (403, "ROLE_REQUIRED")


def test_a_draft_takes_no_version(as_: Any, census_file: Path, tmp_path: Path) -> None:
    upload(as_("wangli"), census_file)
    answer = add_version(as_("wangli"), written(tmp_path, census_table()))
    assert (answer.status_code, answer.json()["code"]) == (409, "DATASET_NOT_PUBLISHED")

"""What the pages are shown: dicts of the API's shapes, once full of the story's people and once empty."""

from typing import Any

DIGEST = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
SYNTHETIC = "synthetic identifiers on real microdata (UCI, CC BY 4.0)"
AGENCIES = [
    ("nmg", "内蒙古自治区人民政府", "Government of Inner Mongolia", None),
    ("stats", "自治区统计局", "Bureau of Statistics", "nmg"),
    ("health", "自治区卫生健康委员会", "Health Commission", "nmg"),
    ("police", "自治区公安厅", "Department of Public Security", "nmg"),
    ("audit", "自治区审计厅", "Audit Office", "nmg"),
    ("university", "内蒙古大学", "Inner Mongolia University", "nmg"),
]
PEOPLE = {
    "sarnai": ("萨仁", "university", [("researcher", "university")]),
    "wangli": ("王丽", "stats", [("steward", "stats")]),
    "gaowa": ("高娃", "stats", [("approver", "stats")]),
    "chenjing": ("陈静", "health", [("approver", "health")]),
    "liumin": ("刘敏", "audit", [("auditor", "nmg")]),
    "wuyun": ("乌云", "nmg", [("operator", "nmg")]),
}


def agency(agency_id: str) -> dict[str, Any]:
    """{id, name, name_en}."""
    found = next(each for each in AGENCIES if each[0] == agency_id)
    return {"id": found[0], "name": found[1], "name_en": found[2]}


def _column(
    name: str, kind: str, entity: str, role: str, grade: int, operator: str, evidence: str, proposed: int | None = None
) -> dict[str, Any]:
    return {
        "name": name,
        "title": name,
        "data_type": kind,
        "entity": entity,
        "role": role,
        "grade": grade,
        "proposed_grade": proposed or grade,
        "operator": operator,
        "evidence": evidence,
    }


CENSUS_COLUMNS = [
    _column("id_no", "VARCHAR", "CN_ID_CARD", "direct", 4, "pseudonym", "5,000 of 5,000 values pass GB 11643"),
    _column("county_code", "VARCHAR", "LOCATION", "quasi", 3, "generalise", "the header; GB/T 2260 codes"),
    _column("age", "BIGINT", "", "quasi", 3, "bucket", "74 distinct whole numbers from 17 to 90", 2),
    _column("birth_date", "DATE", "DATE_OF_BIRTH", "quasi", 3, "generalise", "the header; dates of 1934 to 2007"),
    _column("education", "VARCHAR", "", "quasi", 2, "", "16 distinct values"),
    _column("occupation", "VARCHAR", "", "quasi", 2, "", "15 distinct values"),
    _column("hours_per_week", "BIGINT", "", "other", 1, "bucket", ""),
    _column("income", "VARCHAR", "", "sensitive", 3, "redact", "the header"),
]


def _dataset(id: str, agency_id: str, title: str, title_en: str, description: str, grade: int, rows: int, **more: Any):
    return {
        "id": id,
        "title": title,
        "title_en": title_en,
        "agency": agency(agency_id),
        "description": description,
        "grade": grade,
        "rows": rows,
        "version": 1,
        "state": "published",
        "unit": "id_no",
        "source": SYNTHETIC,
        **more,
    }


DATASETS = [
    _dataset("census", "stats", "人口普查微观数据", "Census microdata", "个人层面的就业、教育与收入。", 4, 48842),
    _dataset(
        "encounters",
        "health",
        "住院就诊记录",
        "Hospital encounters",
        "糖尿病患者的住院记录；一名患者可有多条。",
        4,
        101766,
    ),
    _dataset(
        "register", "police", "常住人口登记", "Resident register", "姓名、证件、电话与住址。", 4, 48842, state="draft"
    ),
    _dataset(
        "prices", "stats", "居民消费价格指数", "Consumer prices", "按盟市和月份。", 1, 1584, source="", unit="month"
    ),
]

REQUEST = {
    "id": 7,
    "project": "income_study",
    "dataset": "census",
    "applicant": "sarnai",
    "purpose": "比较各旗县受教育程度与收入的关系，为就业培训资金分配提供依据。只需汇总结果，不需要任何个人的记录。",
    "columns": {
        "id_no": ["count", "join"],
        "county_code": ["group", "filter"],
        "age": [{"group": 10}, {"filter": 10}],
        "birth_date": [{"group": "year"}],
        "education": ["group", "filter"],
        "income": [{"mask": "redact"}, {"quantile": [0.05, 0.95]}],
        "hours_per_week": ["aggregate"],
    },
    "joins": ["encounters.id_no"],
    "rows": None,
    "release": {"mode": "threshold", "min_group": 10},
    "valid_from": "2026-11-22",
    "valid_until": "2027-05-21",
    "state": "submitted",
    "version": 2,
    "created_at": "2026-11-22T01:20:00+00:00",
    "approvals_needed": 2,
    "decisions": [
        {
            "decider": "gaowa",
            "agency": "stats",
            "approved": True,
            "reason": "用途明确，粒度合适。",
            "decided_at": "2026-11-22T02:05:00+00:00",
        }
    ],
    "may_decide": True,
}
IMPACT = {
    "digest": DIGEST,
    "policy": "project: income_study\npurpose: 收入研究\nrelease: {mode: threshold, min_group: 10}\ndatasets:\n"
    "  census:\n    unit: id_no\n    columns:\n      id_no: [count, join]\n      education: [group, filter]\n",
    "possible": [
        {"zh": "计数:id_no", "en": "count: id_no"},
        {"zh": "用作分组：county_code、education", "en": "group by: county_code, education"},
        {"zh": "用作分组(10):age", "en": "group by (10): age"},
        {"zh": "只给出汇总结果，少于 10 人的分组不予显示", "en": "only groups of at least 10 people are answered"},
    ],
    "groups": [
        {"column": "county_code", "groups": 101, "withheld": 2},
        {"column": "education", "groups": 16, "withheld": 0},
        {"column": "age", "groups": 7, "withheld": None},
    ],
    "rows": 48842,
    "people": 48842,
}


REPLAYED = {
    "summary": {"newly_refused": 1, "newly_allowed": 1, "refused_for_another_reason": 0, "unchanged": 11},
    "questions": [
        {
            "number": 210,
            "time": "2026-11-21T06:10:00+00:00",
            "person": "sarnai",
            "sql": "SELECT county_code, count(*) FROM census GROUP BY county_code",
            "change": "newly refused",
            "before": {"outcome": "allow", "code": None},
            "after": {
                "outcome": "refuse",
                "code": "COLUMN_NOT_USABLE",
                "message": "census.county_code may not be used in any way.",
                "hint": "",
                "rule": None,
                "suggestion": "SELECT count(*) FROM census",
            },
        },
        {
            "number": 214,
            "time": "2026-11-21T06:30:00+00:00",
            "person": "tuya",
            "sql": "SELECT avg(age) FROM census",
            "change": "newly allowed",
            "before": {"outcome": "refuse", "code": "COLUMN_NOT_USABLE"},
            "after": {"outcome": "allow", **dict.fromkeys(("code", "message", "hint", "rule", "suggestion"))},
        },
    ],
    "not_shown": 3,
    "earlier_answers": "some",
}


def grant(id: int, **more: Any) -> dict[str, Any]:
    return {
        "id": id,
        "request": id,
        "project": "income_study",
        "dataset": "encounters",
        "columns": {"id_no": ["count", "join"], "age": ["group"], "time_in_hospital": ["aggregate", {"group": 2}]},
        "joins": ["census.id_no"],
        "rows": None,
        "release": {"mode": "threshold", "min_group": 10},
        "valid_from": "2026-10-01",
        "valid_until": "2027-03-31",
        "revoked_at": None,
        "revoked_by": None,
        "live": True,
        **more,
    }


PROJECT = {
    "id": "income_study",
    "title": "受教育程度与收入",
    "purpose": "比较各旗县受教育程度与收入的关系，为就业培训资金分配提供依据。",
    "owner": "sarnai",
    "created_at": "2026-11-20T03:00:00+00:00",
    "members": ["sarnai", "tuya"],
    "grants": [
        grant(3),
        grant(1, dataset="prices", live=False, revoked_at="2026-11-21T08:00:00+00:00", revoked_by="gaowa", joins=[]),
        grant(2, dataset="census", live=False, valid_until="2026-10-31", release={"mode": "dp", "epsilon": 4.0}),
    ],
    "requests": [REQUEST, {**REQUEST, "id": 3, "dataset": "encounters", "state": "approved", "may_decide": False}],
    "sandbox_path": "/hub/spawn/sarnai/income_study",
}


def _job(id: str, title: str, state: str, **more: Any) -> dict[str, Any]:
    return {
        "id": id,
        "project": "income_study",
        "title": title,
        "author": "sarnai",
        "state": state,
        "digest": DIGEST,
        "manifest": {
            "manifest_version": 1,
            "job_id": id,
            "project": "income_study",
            "author": "sarnai",
            "code_digest": DIGEST[::-1],
            "parameters": {"minimum": 10},
            "environment_digest": DIGEST,
            "datasets": [{"name": "census", "version": "1", "digest": DIGEST}],
            "request": {"cpus": 1.0, "memory_bytes": 2**30, "gpus": 0, "wall_s": 600},
            "outputs": ["counties.csv", "figure.png"],
            "grant": "3",
            "purpose": title,
        },
        "created_at": "2026-11-22T03:00:00+00:00",
        "approvals_needed": 1,
        "approved_by": [],
        "may_approve": False,
        "exit_class": None,
        "started_at": None,
        "finished_at": None,
        "usage": None,
        "release_id": None,
        "error": None,
        **more,
    }


JOBS = [
    _job("j-1", "各旗县收入分布", "submitted", may_approve=True),
    _job("j-2", "培训资金测算", "running", approved_by=["gaowa"], started_at="2026-11-22T03:10:00+00:00"),
    _job(
        "j-3",
        "住院天数与年龄",
        "finished",
        approved_by=["chenjing"],
        exit_class="finished",
        started_at="2026-11-21T06:00:00+00:00",
        finished_at="2026-11-21T06:02:11+00:00",
        usage={"cpu_seconds": 118.4, "max_memory_bytes": 734003200, "wall_s": 131.0},
        release_id="r-1",
    ),
    _job("j-4", "回归模型", "failed", approved_by=["gaowa"], exit_class="out_of_memory", error="JAIL_MEMORY_EXCEEDED"),
]


def _release(id: str, state: str, **more: Any) -> dict[str, Any]:
    return {
        "id": id,
        "project": "income_study",
        "job_id": "j-3",
        "author": "sarnai",
        "purpose": "住院天数与年龄",
        "state": state,
        "grade": 3,
        "digest": f"sha256:{DIGEST}",
        "created_at": "2026-11-21T06:02:15+00:00",
        "files": [
            {
                "name": "counties.csv",
                "size": 4821,
                "sha256": DIGEST,
                "verdict": "review",
                "findings": [
                    {
                        "code": "SMALL_CELL_POSSIBLE",
                        "where": "row 14, column 3",
                        "why": "A small whole number; it may count persons.",
                    },
                    {
                        "code": "IDENTIFIER_HEADER",
                        "where": "column 1",
                        "why": "The column's name says that it holds an identifier.",
                    },
                ],
            },
            {"name": "figure.png", "size": 88231, "sha256": DIGEST[::-1], "verdict": "pass", "findings": []},
        ],
        "reviews": [],
        "may_review": False,
        **more,
    }


REVIEW = {
    "reviewer": "chenjing",
    "agency": "health",
    "approved": True,
    "reason": "汇总合适。",
    "at": "2026-11-21T08:00:00+00:00",
}
RELEASES = [_release("r-1", "in_review", may_review=True), _release("r-2", "released", reviews=[REVIEW])]

JOINT = {
    "id": "m-1",
    "name": "就业与住院的关系",
    "operator": "psi_join_aggregate",
    "purpose": "三方在不交出数据的前提下，统计既在普查又有住院记录的人数和平均住院天数。",
    "parties": [
        {"agency": "stats", "dataset": "census", "key": "id_no", "columns": ["education"]},
        {"agency": "health", "dataset": "encounters", "key": "id_no", "columns": ["time_in_hospital"]},
        {"agency": "police", "dataset": "register", "key": "id_no", "columns": []},
    ],
    "receiver": "health",
    "min_group": 10,
    "parameters": {"mean": "health.time_in_hospital", "duplicates": "distinct"},
    "submitter": "sarnai",
    "digest": DIGEST,
    "state": "submitted",
    "stage": "",
    "approvals": [{"agency": "stats", "approver": "gaowa", "at": "2026-11-22T02:00:00+00:00"}],
    "may_approve": True,
    "result": None,
    "report": None,
    "error": None,
    "created_at": "2026-11-22T01:00:00+00:00",
    "ended_at": None,
}
JOINTS = [
    JOINT,
    {
        **JOINT,
        "id": "m-2",
        "state": "done",
        "may_approve": False,
        "approvals": [
            {"agency": name, "approver": who, "at": "2026-11-22T02:00:00+00:00"}
            for name, who in (("stats", "gaowa"), ("health", "chenjing"), ("police", "suhe"))
        ],
        "result": {
            "status": "OK",
            "rows": 29317,
            "mean": 4.396,
            "columns": [{"party": "health", "column": "time_in_hospital", "sum": 128881.0, "mean": 4.396102}],
        },
        "report": {
            "protocol": "ABY3",
            "threat_model": "semi-honest, honest majority",
            "bytes": 91231231,
            "seconds": 21.4,
            "parties": [
                {"name": "stats", "outcome": "done", "sent": 30410411, "received": 30410410},
                {"name": "health", "outcome": "done", "sent": 30410410, "received": 30410411},
            ],
            "leakage": [
                "every party learns how many rows the others brought",
                "one party also learns how many keys two others have in common, but not which",
            ],
        },
        "ended_at": "2026-11-22T02:01:00+00:00",
    },
    {**JOINT, "id": "m-3", "state": "running", "stage": "compute", "may_approve": False},
    {**JOINT, "id": "m-4", "state": "refused", "error": "BELOW_MINIMUM", "may_approve": False},
]
RECORDS = [
    {
        "index": 1041 - position,
        "time": f"2026-11-22T0{position}:10:00+00:00",
        "event": event,
        "actor": actor,
        "subject": subject,
        "details": details,
    }
    for position, (event, actor, subject, details) in enumerate(
        [
            ("job.approved", "gaowa", "j-2", {"digest": DIGEST, "agency": "stats", "state": "approved"}),
            ("query.decided", "sarnai", "income_study", {"outcome": "refuse", "code": "ROWS_NOT_ALLOWED"}),
            (
                "request.decided",
                "gaowa",
                "request/7",
                {"approved": True, "version": 1, "grant": None, "impact": DIGEST},
            ),
            ("request.submitted", "sarnai", "request/7", {"columns": ["id_no", "county_code", "age", "education"]}),
            ("dataset.published", "wangli", "census", {"grade": 4, "lowered": ["age"]}),
        ]
    )
]
LEDGER = {
    "rows": [
        {
            "key": "income_study",
            "jobs": 14,
            "cpu_seconds": 9312.44,
            "memory_gib_hours": 3.918211,
            "gpu_seconds": 0.0,
            "wall_seconds": 10480.2,
        },
        {
            "key": "training_fund",
            "jobs": 3,
            "cpu_seconds": 611.0,
            "memory_gib_hours": 0.22,
            "gpu_seconds": 1800.0,
            "wall_seconds": 902.0,
        },
    ],
    "total": {
        "jobs": 17,
        "cpu_seconds": 9923.44,
        "memory_gib_hours": 4.138211,
        "gpu_seconds": 1800.0,
        "wall_seconds": 11382.2,
    },
    "balanced": True,
}
SANDBOXES = [
    {
        "user": "sarnai",
        "project": "income_study",
        "state": "ready",
        "started": "2026-11-22T01:00:00Z",
        "last_activity": "2026-11-22T03:20:00Z",
    }
]
VERIFIED = {"whole": True, "records": 1041, "root": DIGEST, "checkpoint_size": 1040}

"""Reading posted forms: plain fields into the shapes the actions take."""

import json
import math
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Annotated, Any

from fastapi import Depends, Request

from portal.errors import BODY_INVALID
from portal.pages.words import N_
from portal.session import SignedIn, changing_person, current_person
from store.errors import YurtError

Fields = Mapping[str, Sequence[str]]
Reader = Annotated[SignedIn, Depends(current_person)]
Writer = Annotated[SignedIn, Depends(changing_person)]


async def posted(request: Request) -> dict[str, list[str]]:
    """The text fields of the form, each with all its values."""
    form = await request.form()
    fields: dict[str, list[str]] = {}
    for name, value in form.multi_items():
        if isinstance(value, str):
            fields.setdefault(name, []).append(value.strip())
    return fields


Posted = Annotated[Fields, Depends(posted)]


def text(form: Fields, name: str, needed: bool = True) -> str:
    """One field. Raises BODY_INVALID when a needed one is empty."""
    value = next(iter(form.get(name, ())), "")
    if needed and not value:
        raise YurtError(BODY_INVALID, field=name, why=N_("it is missing"))
    return value


def day(form: Fields, name: str) -> date:
    """One date."""
    try:
        return date.fromisoformat(text(form, name))
    except ValueError:
        raise YurtError(BODY_INVALID, field=name, why=N_("write a date as YYYY-MM-DD")) from None


def number(form: Fields, name: str) -> float:
    """One number."""
    try:
        value = float(text(form, name))
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise YurtError(BODY_INVALID, field=name, why=N_("write a number"))
    return value


def whole(form: Fields, name: str) -> int:
    """One whole number."""
    value = number(form, name)
    if value != int(value):
        raise YurtError(BODY_INVALID, field=name, why=N_("write a whole number"))
    return int(value)


def mapping(form: Fields, name: str) -> dict[str, Any]:
    """A JSON object; empty means none."""
    given = text(form, name, needed=False)
    try:
        value = json.loads(given) if given else {}
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise YurtError(BODY_INVALID, field=name, why=N_("write a JSON object"))
    return value


def capabilities(form: Fields, columns: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """Column → capabilities from boxes `cap:COLUMN`, with the coarseness in `grain:COLUMN`.

    A mask uses the operator the catalogue proposes for the column.
    """
    asked: dict[str, list[Any]] = {}
    for column in columns:
        name = str(column["name"])
        grain = _grain(text(form, f"grain:{name}", needed=False))
        held: list[Any] = []
        for use in form.get(f"cap:{name}", ()):
            if use == "mask":
                held.append({"mask": column["operator"]})
            else:
                held.append({use: grain} if grain and use in ("group", "filter") else use)
        if held:
            asked[name] = held
    return asked


def _grain(given: str) -> str | float:
    """A date unit as it is, a bucket width as a number, '' for the exact value."""
    if given.replace(".", "", 1).isdecimal():
        return float(given) if "." in given else int(given)
    return given


def release(form: Fields) -> dict[str, Any]:
    """How answers leave: the mode with the fields that belong to it; empty fields keep the platform's defaults."""
    mode = text(form, "mode")
    terms: dict[str, Any] = {"mode": mode}
    if text(form, "min_group", needed=False):
        terms["min_group"] = whole(form, "min_group")
    if mode == "dp":
        for name in ("epsilon", "delta", "epsilon_per_query"):
            if text(form, name, needed=False):
                terms[name] = number(form, name)
        bounds = mapping(form, "bounds")
        if bounds:
            terms["bounds"] = bounds
    return terms

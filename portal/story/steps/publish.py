"""Step 1: three stewards upload their tables; the identifiers are found; the stewards accept the grades."""

import tempfile
from pathlib import Path

from portal.story.datasets import SOURCE, StoryDataset, story_datasets
from portal.story.people import RESEARCHER, STEWARDS
from portal.story.world import World

IDENTIFIERS = {  # what must be recognised, per dataset: column → entity
    "census": {"id_no": "CN_ID_CARD"},
    "encounters": {"id_no": "CN_ID_CARD"},
    "register": {"id_no": "CN_ID_CARD", "name": "PERSON", "phone": "CN_MOBILE", "address": "ADDRESS"},
}


def play(world: World) -> None:
    """Publish every dataset of the story."""
    with tempfile.TemporaryDirectory(prefix="yurt-story-") as folder:
        for dataset in story_datasets():
            _publish(world, dataset, dataset.write(Path(folder)))
    world.check_refused(
        "a researcher cannot publish",
        "ROLE_REQUIRED",
        world.as_(RESEARCHER),
        "POST",
        "/datasets/census/publish",
        json={"grades": {}, "reason": ""},
    )
    listed = world.as_(RESEARCHER).api("GET", "/datasets")
    world.check("the catalogue shows three published datasets", len(listed) == 3, listed)


def _publish(world: World, dataset: StoryDataset, file: Path) -> None:
    steward = world.as_(STEWARDS[dataset.agency])
    form = {
        "id": dataset.id,
        "title": dataset.title,
        "title_en": dataset.title_en,
        "description": dataset.description,
        "unit": dataset.unit,
        "source": SOURCE,
    }
    with file.open("rb") as content:
        draft = steward.api("POST", "/datasets", data=form, files={"file": (file.name, content)})
    found = {column["name"]: column["entity"] for column in draft["columns"]}
    missed = {name: found.get(name) for name, entity in IDENTIFIERS[dataset.id].items() if found.get(name) != entity}
    world.check(f"{dataset.id}: identifiers found: {', '.join(IDENTIFIERS[dataset.id])}", not missed, missed)
    published = steward.api("POST", f"/datasets/{dataset.id}/publish", json={"grades": {}, "reason": ""})
    world.check(
        f"{dataset.id}: {published['rows']:,} rows of {published['agency']['name']} at grade {published['grade']}",
        published["state"] == "published" and published["rows"] == dataset.table.num_rows,
        published["state"],
    )

"""Party folders for several agencies on one machine: a demonstration, a test, or a job run from a single file."""

import shutil
from pathlib import Path

from mpc.errors import DATA_UNREADABLE
from mpc.identity import create_party, pin, slug
from mpc.job import JobFile
from mpc.policy import PartyPolicy, save_policy, used_columns
from store.errors import YurtError


def party_folder(folder: Path, name: str) -> Path:
    """Where the party called `name` lives under `folder`."""
    return folder / slug(name)


def set_up(job: JobFile, folder: Path, data_root: Path) -> dict[str, Path]:
    """Create a folder per party of the job, pin all to all, copy each party's input into its own folder.

    Each policy allows this job and no more. Inputs are looked up relative to `data_root`. Returns name to folder.
    Raises DATA_UNREADABLE.
    """
    folders = {party.name: party_folder(folder, party.name) for party in job.parties}
    cards = [create_party(folders[name], name) for name in job.names]
    for party in job.parties:
        mine = folders[party.name]
        pin(mine, cards)
        source = data_root / party.data
        copy = mine / "data" / source.name
        try:
            shutil.copyfile(source, copy)
        except OSError as error:
            raise YurtError(DATA_UNREADABLE, party=party.name, data=source.name) from error
        copy.chmod(0o600)
        save_policy(
            mine,
            PartyPolicy(
                operators=(job.operator,),
                protocols=(job.protocol,),
                receivers=(job.receiver,),
                columns=used_columns(job, party.name),
                minimum=job.minimum,
            ),
        )
    return folders

"""The messages that need a translation, gathered from templates, code and the error modules of every room.

`python -m portal.pages.messages` brings the Chinese catalogue up to date: new messages come in without translation,
gone ones leave, and what is untranslated is printed.
"""

import importlib
import pkgutil
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

from portal.pages.words import DISCLOSURES
from sandbox.airlock.codes import CODES
from store.errors import ErrorCode

ROOMS = ("portal", "scheduler", "mpc", "sandbox", "gateway", "policies", "masking", "catalog", "audit", "store")
ERROR_MODULES = ("errors", "access_errors", "requests")  # where codes are kept
METHODS = [("pages/**.py", "python"), ("templates/**.html", "jinja2.ext:babel_extract")]
KEYWORDS = {"_": None, "N_": None, "gettext": None, "ngettext": (1, 2)}
OPTIONS = {"templates/**.html": {"extensions": "jinja2.ext.do", "trim_blocks": "true", "lstrip_blocks": "true"}}


HEADER = """\
# Chinese of the portal's pages. Message ids are the English sentences of templates and code; messages with a code
# have it in their context. Names of things: docs/glossary.md. Kept up to date by `python -m portal.pages.messages`.
msgid ""
msgstr ""
"Language: zh\\n"
"Plural-Forms: nplurals=1; plural=0;\\n"
"MIME-Version: 1.0\\n"
"Content-Type: text/plain; charset=utf-8\\n"
"Content-Transfer-Encoding: 8bit\\n"

"""


def needed() -> Catalog:
    """Every message, untranslated, in a stable order."""
    found = Catalog(locale="zh", domain="portal", project="Yurt", charset="utf-8", fuzzy=False)
    package = Path(str(files("portal")))
    extracted = extract_from_dir(package, METHODS, OPTIONS, keywords=KEYWORDS)
    for _, _, message, _, context in sorted(extracted, key=lambda each: (each[0], each[1])):
        found.add(message, context=context)
    for code in error_codes():
        found.add(code.message, context=f"error:{code.name}")
        found.add(code.hint, context=f"hint:{code.name}")
    for name, finding in sorted(CODES.items()):
        found.add(finding.why, context=f"finding:{name}")
    for name, disclosure in DISCLOSURES.items():
        found.add(disclosure, context=f"discloses:{name}")
    return found


def error_codes() -> list[ErrorCode]:
    """Every code of every room, by name."""
    codes = {
        value.name: value
        for module in _error_modules()
        for value in vars(importlib.import_module(module)).values()
        if isinstance(value, ErrorCode)
    }
    return [codes[name] for name in sorted(codes)]


def _error_modules() -> Iterator[str]:
    for room in ROOMS:
        package = importlib.import_module(room)
        for found in pkgutil.walk_packages(package.__path__, f"{room}.", onerror=lambda name: None):
            if found.name.rpartition(".")[2] in ERROR_MODULES:
                yield found.name


def untranslated(catalog: Catalog) -> list[str]:
    """Messages of the product that `catalog` leaves without a translation, or has in an older wording."""
    missing = []
    for message in needed():
        held = catalog.get(message.id, message.context) if message.id else None
        if message.id and (held is None or not _said(held.string) or held.fuzzy):
            missing.append(f"{message.context or ''}: {message.id}")
    return missing


def _said(string: object) -> bool:
    return all(string) if isinstance(string, tuple) else bool(string)


def update(path: Path) -> Catalog:
    """Rewrite the catalogue at `path` with today's messages, keeping translations of those that stayed."""
    held = Catalog(locale="zh")
    if path.exists():
        with path.open("rb") as file:
            held = read_po(file, locale="zh")
    renewed = needed()
    for message in renewed:
        old = held.get(message.id, message.context) if message.id else None
        if old is not None and _said(old.string):
            message.string = old.string
    write(renewed, path)
    return renewed


def write(catalog: Catalog, path: Path) -> None:
    """Write a catalogue without dates and names, so that it changes only where a message does."""
    with path.open("wb") as file:
        file.write(HEADER.encode())
        write_po(file, catalog, width=120, no_location=True, omit_header=True)


if __name__ == "__main__":
    written = update(Path(str(files("portal"))) / "locale" / "zh" / "LC_MESSAGES" / "portal.po")
    for line in untranslated(written):
        print(line)

"""Refusals in the reader's language.

Codes, messages and hints are English in the code; the catalogue holds them in Chinese under the contexts `error:CODE`
and `hint:CODE`, findings of the airlock under `finding:CODE`, disclosures of joint computations under `discloses:…`.
A `YurtError` carries finished text, so the fields are read back out of it by the template that is the catalogue's own
message id.
"""

import re
from functools import cache
from string import Formatter

from babel.messages.catalog import Message

from portal.pages import words
from portal.pages.language import catalog, translations
from store.errors import YurtError

_NUMBERED = re.compile(r"([a-z]+) (\d+)")


def explained(error: YurtError, language: str) -> dict[str, str]:
    """{code, message, hint} of an error in `language`; what has no translation stays English."""
    return {
        "code": error.code,
        "message": translated(f"error:{error.code}", error.message, language),
        "hint": translated(f"hint:{error.code}", error.hint, language),
    }


def finding(code: str, why: str, language: str) -> str:
    """Why the airlock objects, in `language`."""
    return translated(f"finding:{code}", why, language)


def place(where: str, language: str) -> str:
    """Where it objects, such as 'row 14, column 3', in `language`."""
    spoken = translations(language)
    numbered = (_NUMBERED.fullmatch(part) for part in where.split(", "))
    named = [
        spoken.gettext(f"{found[1]} {{n}}").format(n=found[2]) if found else spoken.gettext(part) if part else part
        for part, found in zip(where.split(", "), numbered, strict=True)
    ]
    return ", ".join(named) if language == "en" else "，".join(named)


def disclosure(text: str, language: str) -> str:
    """What a joint computation discloses, in `language`."""
    contexts = (context for context in _entries() if context.startswith("discloses:"))
    return next((said for each in contexts if (said := translated(each, text, language)) != text), text)


def translated(context: str, text: str, language: str) -> str:
    """The finished English `text` of a message, said in `language`."""
    entry = _entries().get(context) if language == "zh" else None
    if entry is None:
        return text
    pattern, template = entry
    found = pattern.fullmatch(text)
    if not found:
        return text
    return template.format(**{name: _field(name, value, language) for name, value in found.groupdict().items()})


def _field(name: str, value: str, language: str) -> str:
    """A field may itself be a word of ours: a state, a role, or a message such as 'it is missing'."""
    if name == "state":
        value = next((words.state(kind, value).text for kind in words.STATES if value in words.STATES[kind]), value)
    if name == "role":
        value = words.ROLES.get(value, value)
    return translations(language).gettext(value) if value else value


@cache
def _entries() -> dict[str, tuple[re.Pattern[str], str]]:
    """Context → (pattern of the English text, Chinese template), for each translated message with a code."""
    return {
        message.context: (_pattern(str(message.id)), _unconverted(str(message.string)))
        for message in catalog()
        if _has_code(message) and message.string
    }


def _has_code(message: Message) -> bool:
    return bool(message.context) and message.context.partition(":")[0] in ("error", "hint", "finding", "discloses")


def _pattern(template: str) -> re.Pattern[str]:
    parts: list[str] = []
    seen: set[str] = set()
    for literal, name, _, _ in Formatter().parse(template):
        parts.append(re.escape(literal))
        if name:
            parts.append(f"(?P={name})" if name in seen else f"(?P<{name}>.*?)")
            seen.add(name)
    return re.compile("".join(parts), re.DOTALL)


def _unconverted(template: str) -> str:
    """The template without `!r` and formats: its fields are finished text already."""
    return "".join(
        literal.replace("{", "{{").replace("}", "}}") + (f"{{{name}}}" if name else "")
        for literal, name, _, _ in Formatter().parse(template)
    )

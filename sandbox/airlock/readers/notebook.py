"""Jupyter notebooks (nbformat 4): always read by a person; outputs may only be plain text and PNG."""

import base64
import binascii
import io
from typing import Any, BinaryIO

from sandbox.airlock import codes
from sandbox.airlock.findings import Findings, Stop
from sandbox.airlock.readers import png
from sandbox.airlock.readers.json_file import parse
from sandbox.airlock.readers.text import check_text
from sandbox.airlock.readers.unicode import decode
from sandbox.airlock.tables import Context

_ALLOWED_OUTPUT = frozenset({"text/plain", "image/png"})
_NOTEBOOK_METADATA = frozenset({"kernelspec", "language_info", "orig_nbformat"})
_CELL_METADATA = frozenset({"collapsed", "scrolled", "tags", "jupyter", "editable", "deletable", "execution"})


def read(source: BinaryIO, context: Context, findings: Findings) -> None:
    """Check a notebook. Cells and outputs are numbered from 1."""
    findings.add(codes.NOTEBOOK_REVIEW, "file")
    try:
        text = source.read().decode("utf-8-sig")  # markup and characters are judged per cell, where a position helps
    except UnicodeDecodeError as error:
        findings.add(codes.ENCODING, f"byte {error.start}")
        raise Stop from error
    document = parse(text, findings)
    cells = document.get("cells") if isinstance(document, dict) else None
    if not isinstance(cells, list) or str(document.get("nbformat")) != "4":
        findings.add(codes.UNREADABLE, "file")
        raise Stop
    if set(document) - {"cells", "metadata", "nbformat", "nbformat_minor"}:
        findings.add(codes.HIDDEN_BYTES, "file")
    if set(document.get("metadata") or {}) - _NOTEBOOK_METADATA:
        findings.add(codes.FILE_METADATA, "notebook")
    for number, cell in enumerate(cells, start=1):
        if not isinstance(cell, dict):
            findings.add(codes.UNREADABLE, f"cell {number}")
            continue
        _check_cell(cell, f"cell {number}", context, findings)


def _check_cell(cell: dict[str, Any], where: str, context: Context, findings: Findings) -> None:
    if cell.get("attachments"):
        findings.add(codes.NOTEBOOK_ATTACHMENT, where)
    if set(cell.get("metadata") or {}) - _CELL_METADATA:
        findings.add(codes.FILE_METADATA, where)
    _check_part(_joined(cell.get("source")), where, context, findings)
    for number, output in enumerate(cell.get("outputs") or [], start=1):
        at = f"{where}, output {number}"
        kind = output.get("output_type") if isinstance(output, dict) else None
        if kind == "stream":
            _check_part(_joined(output.get("text")), at, context, findings)
        elif kind in ("display_data", "execute_result"):
            _check_bundle(output.get("data"), at, context, findings)
        elif kind == "error":
            _check_part(_joined(output.get("traceback")) + _joined(output.get("evalue")), at, context, findings)
        else:
            findings.add(codes.NOTEBOOK_OUTPUT, at)


def _check_bundle(bundle: object, where: str, context: Context, findings: Findings) -> None:
    if not isinstance(bundle, dict) or set(bundle) - _ALLOWED_OUTPUT:
        findings.add(codes.NOTEBOOK_OUTPUT, where)
        return
    _check_part(_joined(bundle.get("text/plain")), where, context, findings)
    if "image/png" in bundle:
        try:
            picture = base64.b64decode(_joined(bundle["image/png"]).replace("\n", ""), validate=True)
            png.read(io.BytesIO(picture), context, findings, where=f"{where}, ")
        except binascii.Error:
            findings.add(codes.UNREADABLE, where)
        except Stop:
            return  # the finding is noted; the other outputs are still worth reading


def _check_part(text: str, where: str, context: Context, findings: Findings) -> None:
    decode(text.replace("\x1b", "").encode("utf-8", "surrogatepass"), findings, where)  # tracebacks carry colour codes
    check_text(text, where, context, findings)


def _joined(value: object) -> str:
    """nbformat's "multiline string": a text or a list of lines."""
    return "".join(map(str, value)) if isinstance(value, list) else str(value or "")

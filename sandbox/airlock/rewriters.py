"""Files made anew from what they show, so that nothing else leaves. Runs inside the contained process.

A picture is flattened on white, resampled by a few per cent and cut to its five high bits a channel: what was hidden in
low bits, transparent pixels, palettes or metadata is gone, a plot looks the same. A Parquet file is rewritten from its
values: no foreign metadata, no unused dictionary entries, no slack bytes.
"""

import os
from typing import Any

from sandbox.airlock.kinds import Kind
from sandbox.airlock.limits import InspectionLimits

SCALE = 0.97
_KEPT_BITS = 0xF8


def rewrite(kind: str, source_fd: int, target_fd: int, limits: InspectionLimits) -> dict[str, str]:
    """Rewrite one file; {} when done, {"refused": CODE} otherwise."""
    writers = {Kind.PNG.value: _picture, Kind.PARQUET.value: _table}
    with open(source_fd, "rb", closefd=False) as source, open(target_fd, "wb", closefd=False) as target:
        try:
            writers[kind](source, target, limits)
        except (OSError, ValueError, SyntaxError):
            os.ftruncate(target_fd, 0)
            return {"refused": "UNREADABLE"}
    return {}


def _picture(source: Any, target: Any, limits: InspectionLimits) -> None:
    from PIL import Image

    Image.MAX_IMAGE_PIXELS = limits.pixels
    with Image.open(source, formats=["PNG"]) as picture:
        picture.load()
        shown = picture.convert("RGBA")
    page = Image.new("RGBA", shown.size, "white")
    page.alpha_composite(shown)
    size = (max(1, round(page.width * SCALE)), max(1, round(page.height * SCALE)))
    small = page.convert("RGB").resize(size, Image.Resampling.LANCZOS)
    # Five high bits, repeated downwards: white stays white.
    flat = small.point([(v & _KEPT_BITS) | (v >> 5) for v in range(256)] * 3)
    clean = Image.new("RGB", flat.size)
    clean.paste(flat)
    clean.save(target, format="PNG", optimize=True)


def _table(source: Any, target: Any, limits: InspectionLimits) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    file = pq.ParquetFile(source)
    if file.metadata.num_rows > limits.rows or file.metadata.num_columns > limits.columns:
        raise ValueError("too large")
    table = file.read(use_threads=False)
    columns = [c.cast(c.type.value_type) if pa.types.is_dictionary(c.type) else c for c in table.columns]
    plain = pa.schema([pa.field(name, c.type) for name, c in zip(table.column_names, columns, strict=True)])
    pq.write_table(pa.table(columns, schema=plain), target, store_schema=False, compression="zstd")

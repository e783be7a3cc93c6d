"""How much an honest output needs. Everything above is refused before it can cost anything."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class InspectionLimits:
    """Caps of one inspection. Sizes in bytes, times in seconds."""

    file_bytes: int = 16 << 20  # OpenSAFELY's level-4 gate
    text_bytes: int = 64 << 10  # txt and md
    rows: int = 5_000  # OpenSAFELY's level-4 gate
    columns: int = 200
    cell_characters: int = 2_000
    row_level_rows: int = 100  # from here on, a table without counts is suspected of being records
    min_group: int = 10  # ACRO's safe_threshold
    json_depth: int = 32
    array_items: int = 500
    pixels: int = 24_000_000
    metadata_bytes: int = 4 << 10
    parquet_bytes: int = 64 << 20  # unpacked
    findings_per_code: int = 10
    memory_bytes: int = 1536 << 20  # address space of the reading process
    cpu_s: int = 20
    wall_s: float = 40.0


DEFAULT_LIMITS = InspectionLimits()

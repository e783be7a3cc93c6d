"""What leaves is made anew: no metadata, no hidden values, no message in the low bits."""

import random
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from sandbox.airlock import inspect, sanitise
from store.errors import YurtError


def test_a_picture_loses_its_metadata_and_hidden_pixels(tmp_path: Path) -> None:
    image = Image.new("RGBA", (200, 100), (255, 255, 255, 0))  # transparent; its colours would still be there
    image.putpixel((5, 5), (1, 2, 3, 0))
    info = PngInfo()
    info.add_text("Comment", "hidden")
    image.save(tmp_path / "a.png", pnginfo=info)
    result = sanitise(tmp_path / "a.png", tmp_path / "clean.png")
    assert result.rewritten
    data = (tmp_path / "clean.png").read_bytes()
    assert b"hidden" not in data
    assert b"tEXt" not in data
    with Image.open(tmp_path / "clean.png") as clean:
        assert clean.mode == "RGB"
        assert clean.size == (194, 97)
        assert clean.getcolors() == [(194 * 97, (255, 255, 255))]
    assert {f.code for f in inspect(tmp_path / "clean.png").findings} == {"IMAGE_REVIEW"}


def test_a_kilobyte_in_the_low_bits_does_not_survive(tmp_path: Path) -> None:
    rng = random.Random(11)  # noqa: S311
    message = np.array([rng.getrandbits(1) for _ in range(8192)], dtype=np.uint8)
    gradient = np.tile(np.arange(256, dtype=np.uint8), (128, 1))
    pixels = np.stack([gradient, gradient[:, ::-1], gradient], axis=-1).copy()
    flat = pixels.reshape(-1)
    for bit in range(3):
        flat[bit * 8192 : (bit + 1) * 8192] = (flat[bit * 8192 : (bit + 1) * 8192] & ~np.uint8(1 << bit)) | (
            message << bit
        )
    Image.fromarray(pixels).save(tmp_path / "a.png")
    sanitise(tmp_path / "a.png", tmp_path / "b.png")
    with Image.open(tmp_path / "b.png") as clean:
        restored = np.asarray(clean.resize((256, 128), Image.Resampling.LANCZOS)).reshape(-1)
    for bit in range(3):
        read = (restored[bit * 8192 : (bit + 1) * 8192] >> bit) & 1
        assert abs(float((read == message).mean()) - 0.5) < 0.05  # chance; 4.5 standard deviations are 0.025


def test_parquet_is_rewritten_from_its_values(tmp_path: Path) -> None:
    hidden = pa.DictionaryArray.from_arrays(pa.array([0, 1]), ["a", "b", "never shown"])
    table = pa.table({"m": hidden, "v": [0.5, 0.25]}).replace_schema_metadata({"note": "hidden"})
    pq.write_table(table, tmp_path / "a.parquet")
    assert sanitise(tmp_path / "a.parquet", tmp_path / "b.parquet").rewritten
    data = (tmp_path / "b.parquet").read_bytes()
    assert b"never shown" not in data
    assert b"hidden" not in data
    assert pq.read_table(tmp_path / "b.parquet").to_pydict() == {"m": ["a", "b"], "v": [0.5, 0.25]}


def test_text_leaves_as_it_is_and_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_text("metric,value\nauc,0.9\n")
    result = sanitise(tmp_path / "m.csv", tmp_path / "out.csv")
    assert not result.rewritten
    assert (tmp_path / "out.csv").read_text() == "metric,value\nauc,0.9\n"
    assert result.digest == inspect(tmp_path / "out.csv").digest
    with pytest.raises(FileExistsError):
        sanitise(tmp_path / "m.csv", tmp_path / "out.csv")


def test_what_does_not_decode_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\nnothing")
    with pytest.raises(YurtError) as error:
        sanitise(tmp_path / "a.png", tmp_path / "b.png")
    assert error.value.code == "SANITISE_REFUSED"
    assert not (tmp_path / "b.png").exists()

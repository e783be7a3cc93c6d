"""Score encrypted rows with a secret model: the holder keeps the key, the scorer sees ciphertexts only."""

import asyncio
import json
import math
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import Field, ValidationError

from mpc import ckks
from mpc.channel import Mesh
from mpc.errors import DATA_UNREADABLE, KEY_MISMATCH, MISMATCH, RANGE, VALUE_INVALID
from mpc.job import Part
from mpc.operators.interface import Outcome, Situation
from mpc.rows import numbers, read_table
from store.errors import YurtError


class Model(Part):
    """The scorer's file: a linear or logistic model by feature name."""

    kind: Literal["linear", "logistic"]
    weights: dict[str, float] = Field(min_length=1, max_length=512)
    intercept: float = 0.0


class EncryptedScore:
    """One party's part: `holder` or `scorer` by its role in the job."""

    def __init__(self, situation: Situation) -> None:
        self.at, self.job = situation, situation.manifest.job
        self.mine = self.job.party(situation.me)
        self.peer = next(name for name in self.job.names if name != situation.me)
        self.features: np.ndarray = np.empty((0, 0))
        self.model: Model | None = None

    def prepare(self) -> dict[str, Any]:
        """Read the features or the model and check their range."""
        path = self.at.folder / "data" / Path(self.mine.data).name
        bound = self.job.parameters.feature_bound
        if self.mine.role == "holder":
            table = read_table(path, self.at.me, self.mine.values, frozenset())
            self.features = np.empty((table.num_rows, len(self.mine.values)))
            for j, column in enumerate(self.mine.values):
                values, valid = numbers(table, column, self.at.me)
                if not valid.all() or not table.num_rows:
                    raise YurtError(VALUE_INVALID, party=self.at.me, column=column)
                if float(np.abs(values).max()) > bound:
                    raise YurtError(RANGE, party=self.at.me, column=column)
                self.features[:, j] = values
            return {"rows": table.num_rows}
        try:
            self.model = Model.model_validate(json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, ValidationError) as error:
            raise YurtError(DATA_UNREADABLE, party=self.at.me, data=path.name) from error
        weights = self._weights()
        if not all(map(math.isfinite, [*weights, self.model.intercept])) or not any(weights):
            raise YurtError(VALUE_INVALID, party=self.at.me, column="weights")
        if sum(map(abs, weights)) * bound + abs(self.model.intercept) >= ckks.SCORE_LIMIT:
            raise YurtError(RANGE, party=self.at.me, column="weights")
        return {"rows": 0}

    async def run(self, mesh: Mesh) -> Outcome:
        """Encrypt, score, decrypt, block by block."""
        return await (self._hold(mesh) if self.mine.role == "holder" else self._score(mesh))

    async def _hold(self, mesh: Mesh) -> Outcome:
        self.at.enter("encrypt")
        keys = ckks.make_keys()
        blocks = [self.features[i : i + ckks.ROWS] for i in range(0, len(self.features), ckks.ROWS)]
        await mesh.send(self.peer, "context", keys.public, key=keys.key_id, blocks=len(blocks))
        header, _ = await mesh.receive(self.peer, "model")
        kind, absolute = str(header["model"]), float(header["error"])
        self.at.enter("score")
        scores = []
        for block in blocks:
            texts = await asyncio.to_thread(ckks.encrypt, keys, block)
            await mesh.send(self.peer, "block", b"".join(texts), key=keys.key_id, sizes=[len(text) for text in texts])
            header, payload = await mesh.receive(self.peer, "scores")
            if header.get("key") != keys.key_id:
                raise YurtError(KEY_MISMATCH)
            scores.append(await asyncio.to_thread(ckks.decrypt, keys, payload, len(block), absolute))
        await mesh.send(self.peer, "finished")
        linear = np.concatenate(scores)
        bound = ckks.whole_bound(absolute, float(np.abs(linear).max()))
        # The sigmoid has a slope of at most 1/4, and is applied where the scores are already known.
        shown = 1 / (1 + np.exp(-linear)) if kind == "logistic" else linear
        value = {"status": "OK", "kind": kind, "rows": len(shown), "scores": shown.tolist()}
        return Outcome(value, {"error_bound": bound / 4 if kind == "logistic" else bound})

    async def _score(self, mesh: Mesh) -> Outcome:
        model = self.model
        if model is None:
            raise YurtError(DATA_UNREADABLE, party=self.at.me, data=self.mine.data)
        header, public = await mesh.receive(self.peer, "context")
        key = str(header["key"])
        context = ckks.open_public(public, key)
        weights = self._weights()
        # Rounded up to a power of two: the bound itself would tell the exact sum of the absolute weights.
        absolute = 2.0 ** math.ceil(math.log2(ckks.error_bound(weights, self.job.parameters.feature_bound)))
        await mesh.send(self.peer, "model", model=model.kind, error=absolute)
        self.at.enter("score")
        for _ in range(int(header["blocks"])):
            header, payload = await mesh.receive(self.peer, "block")
            if header.get("key") != key:
                raise YurtError(KEY_MISMATCH)
            texts, start = [], 0
            for size in header["sizes"]:
                texts.append(payload[start : start + size])
                start += size
            if len(texts) != len(weights):
                raise YurtError(MISMATCH, party=self.at.me, peer=self.peer, field="the number of features")
            answer = await asyncio.to_thread(ckks.score, context, texts, weights, model.intercept)
            await mesh.send(self.peer, "scores", answer, key=key)
        await mesh.receive(self.peer, "finished")
        return Outcome(None, {"context_private": bool(context.is_private())})

    def _weights(self) -> list[float]:
        """The model's weights in the order of the holder's features. Raises MISMATCH where the names differ."""
        names = self.job.party(self.peer).values
        if self.model is None or set(self.model.weights) != set(names):
            raise YurtError(MISMATCH, party=self.at.me, peer=self.peer, field="the names of the features")
        return [self.model.weights[name] for name in names]

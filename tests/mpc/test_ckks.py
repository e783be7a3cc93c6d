"""The scorer's side holds no key, and a ciphertext of another key is noticed."""

import numpy as np
import pytest
import tenseal

from mpc import ckks
from store.errors import YurtError

RANDOM = np.random.default_rng(7)


def test_scores_are_exact_to_a_ten_thousandth_and_within_the_stated_bound() -> None:
    keys = ckks.make_keys()
    features, weights = RANDOM.normal(size=(500, 6)), [1.5, -2.25, 0.0, 3.0, 0.125, -0.5]
    context = ckks.open_public(keys.public, keys.key_id)
    answer = ckks.score(context, ckks.encrypt(keys, features), weights, 0.75)
    bound = ckks.error_bound(weights, 10.0)
    truth = features @ weights + 0.75
    error = np.abs(ckks.decrypt(keys, answer, 500, bound) - truth).max()
    assert error <= 1e-4
    assert error <= ckks.whole_bound(bound, float(np.abs(truth).max()))


def test_the_public_context_has_no_secret_key() -> None:
    keys = ckks.make_keys()
    context = ckks.open_public(keys.public, keys.key_id)
    assert not context.is_private()
    assert not context.has_secret_key()
    with pytest.raises(ValueError, match="secret"):
        tenseal.ckks_vector_from(context, ckks.encrypt(keys, np.ones((4, 1)))[0]).decrypt()


def test_a_context_that_carries_a_secret_key_is_refused_by_the_scorer() -> None:
    keys = ckks.make_keys()
    private = keys.context.serialize(save_secret_key=True)
    with pytest.raises(YurtError) as refusal:
        ckks.open_public(private, ckks.hashlib.sha256(private).hexdigest())
    assert refusal.value.code == "KEY_MISMATCH"


def test_a_ciphertext_of_another_key_is_a_key_mismatch_and_not_a_number() -> None:
    mine, other = ckks.make_keys(), ckks.make_keys()
    texts = ckks.encrypt(other, np.ones((4, 1)))
    answer = ckks.score(ckks.open_public(other.public, other.key_id), texts, [1e-9], 0.0)
    with pytest.raises(YurtError) as refusal:
        ckks.decrypt(mine, answer, 4, 1e-4)
    assert refusal.value.code == "KEY_MISMATCH"


def test_a_context_under_another_name_is_a_key_mismatch() -> None:
    with pytest.raises(YurtError) as refusal:
        ckks.open_public(ckks.make_keys().public, ckks.make_keys().key_id)
    assert refusal.value.code == "KEY_MISMATCH"

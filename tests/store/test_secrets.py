"""Secrets are made once, agree between processes and can be read by their owner only."""

from pathlib import Path

from store.secrets import Secrets


def test_a_secret_is_made_once_and_kept(tmp_path: Path) -> None:
    first = Secrets(tmp_path / "secrets").token("hub")
    assert Secrets(tmp_path / "secrets").token("hub") == first
    assert len(first) == 64


def test_only_the_owner_can_read_a_secret(tmp_path: Path) -> None:
    secrets = Secrets(tmp_path / "secrets")
    secrets.token("hub")
    secrets.write("accounts", "text")
    assert {path.stat().st_mode & 0o777 for path in secrets.folder.iterdir()} == {0o600}
    assert secrets.folder.stat().st_mode & 0o777 == 0o700
    assert {path.name for path in secrets.folder.iterdir()} == {"hub", "accounts"}

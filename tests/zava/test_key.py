"""The file of a data folder in which the server's key is kept."""

import asyncio
import os
import stat
from pathlib import Path

import asyncpg
import pytest

from mcpdb import ConfigurationError
from mcpdb.isolation.key import EnterKey
from stores import Connect, CreateDatabase, key_of
from zava import services
from zava.generate import Plan
from zava.key import fits, kept_key, key_file
from zava.progress import progress_bars
from zava.services import Place, Ready, seed_place, seeded_place

FOREIGN = f"mcpdb-key-1-{'A' * 43}"


@pytest.fixture
async def admin(
    connect: Connect, create_database: CreateDatabase, zava_template: str
) -> asyncpg.Connection:
    return await connect(await create_database(zava_template), "postgres")


def left_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


async def test_a_new_key_is_kept_for_the_owner_alone(
    admin: asyncpg.Connection, tmp_path: Path
) -> None:
    key = await key_of(admin)
    assert await kept_key(admin, tmp_path, made=key) == key
    assert key_file(tmp_path).read_text() == f"{key}\n"
    assert stat.S_IMODE(key_file(tmp_path).stat().st_mode) == 0o600
    assert left_in(tmp_path) == ["key"]


async def test_a_key_that_fits_stays(admin: asyncpg.Connection, tmp_path: Path) -> None:
    key = await kept_key(admin, tmp_path, made=await key_of(admin))
    before = key_file(tmp_path).stat().st_ino
    assert await kept_key(admin, tmp_path, made=None) == key == await key_of(admin)
    assert key_file(tmp_path).stat().st_ino == before


@pytest.mark.parametrize(
    ("text", "mode"),
    [
        (None, 0),
        ("", 0o600),
        (FOREIGN, 0o600),
        ("mcpdb-key-1-cut", 0o600),
        ("{key}", 0o640),
        ("{key}", 0o604),
    ],
    ids=["missing", "empty", "of another folder", "cut off", "open to a group", "open to all"],
)
async def test_a_key_that_is_missing_or_does_not_fit_is_made_anew(
    admin: asyncpg.Connection, tmp_path: Path, text: str | None, mode: int
) -> None:
    former = await key_of(admin)
    if text is not None:
        key_file(tmp_path).write_text(text.format(key=former))
        key_file(tmp_path).chmod(mode)
    key = await kept_key(admin, tmp_path, made=None)
    assert key == await key_of(admin) != former
    assert key_file(tmp_path).read_text().strip() == key
    assert stat.S_IMODE(key_file(tmp_path).stat().st_mode) == 0o600
    assert left_in(tmp_path) == ["key"]
    # A server that has read the former one goes on.
    assert await fits(admin, key)
    assert await fits(admin, former)
    assert not await fits(admin, FOREIGN)


@pytest.mark.parametrize("made", [True, False])
async def test_a_file_of_another_kind_is_not_written_over(
    admin: asyncpg.Connection, tmp_path: Path, *, made: bool
) -> None:
    key_file(tmp_path).write_text("-----BEGIN PRIVATE KEY-----")
    before = await key_of(admin)
    with pytest.raises(ConfigurationError, match="not a key of Zava's"):
        await kept_key(admin, tmp_path, made=before if made else None)
    assert key_file(tmp_path).read_text() == "-----BEGIN PRIVATE KEY-----"
    assert await key_of(admin) == before


async def test_a_folder_that_takes_no_file_is_an_error_without_the_key(
    admin: asyncpg.Connection, tmp_path: Path
) -> None:
    key_file(tmp_path).mkdir()
    key = await key_of(admin)
    with pytest.raises(ConfigurationError, match="cannot be written") as caught:
        await kept_key(admin, tmp_path, made=key)
    assert key not in f"{caught.value} {caught.value.detail}"
    assert left_in(tmp_path) == ["key"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can write for somebody else")
async def test_the_key_belongs_to_the_owner_of_the_folder(
    admin: asyncpg.Connection, tmp_path: Path
) -> None:
    os.chown(tmp_path, 12_345, 54_321)
    await kept_key(admin, tmp_path, made=await key_of(admin))
    found = key_file(tmp_path).stat()
    assert (found.st_uid, found.st_gid) == (12_345, 54_321)


async def test_what_is_no_key_fits_nowhere(admin: asyncpg.Connection) -> None:
    assert not await fits(admin, "key")


def test_keys_are_not_shown() -> None:
    for each in (
        Place(data=None, dsn="postgresql://a@b/c", key=FOREIGN),
        Ready(dsn="", key=FOREIGN),
    ):
        assert FOREIGN not in repr(each)
    assert EnterKey.parse(FOREIGN).number == 1


async def opened(folder: Path) -> str:
    async with seeded_place(Place(data=folder, dsn=None), None, bars=progress_bars) as ready:
        return ready.key


async def test_a_folder_whose_seeding_ended_before_its_key_was_written_is_mended(
    tmp_path: Path, plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "data"

    async def die(*_: object, **__: object) -> str:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(services, "kept_key", die)
        with pytest.raises(KeyboardInterrupt):
            await seed_place(Place(data=folder, dsn=None), plan, replace=False, bars=progress_bars)
    assert left_in(folder) == ["postgres"]
    # Two at once find the data without a key: one makes it.
    first, second = await asyncio.gather(opened(folder), opened(folder))
    assert first == second == key_file(folder).read_text().strip()
    assert first.startswith("mcpdb-key-2-")


async def test_of_two_that_seed_a_folder_at_once_both_have_its_first_key(
    tmp_path: Path, plan: Plan
) -> None:
    place = Place(data=tmp_path / "data", dsn=None)
    found = await asyncio.gather(
        *(seed_place(place, plan, replace=False, bars=progress_bars) for _ in range(2))
    )
    assert {each.key for each in found} == {key_file(tmp_path / "data").read_text().strip()}
    assert str(found[0].key).startswith("mcpdb-key-1-")

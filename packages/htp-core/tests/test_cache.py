"""The cache: one maker wins, leftovers and damage, places that cannot be used, pruning."""

import errno
import os
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

from htp import cache as caching
from htp.cache import INVENTORY, Cache, cache_root
from htp.diagnostics import Bug

KEY = "0123456789abcdef"
OTHER = "fedcba9876543210"


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache.open({"HTP_CACHE_DIR": str(tmp_path / "cache")})


@pytest.fixture(autouse=True)
def forget_warnings():
    caching._warn_once.cache_clear()


def make(text: str):
    def maker(folder: Path) -> None:
        (folder / "lib").mkdir()
        (folder / "lib" / "x.so").write_text(text)

    return maker


def never(folder: Path) -> None:
    raise AssertionError("made again")


def test_an_entry_is_made_once(cache):
    made = cache.get_or_make(KEY, make("1"))
    assert (made / "lib/x.so").read_text() == "1"
    assert cache.get_or_make(KEY, never) == made == cache.get(KEY) == cache.path(KEY)
    assert cache.get(OTHER) is None
    assert [each.key for each in cache.entries()] == [KEY]
    assert cache.entries()[0].size == 1
    assert cache.verify() == ()


def test_the_folder_is_tagged_as_a_cache(cache):
    first = (cache.root / "CACHEDIR.TAG").read_text().splitlines()[0]
    assert first == "Signature: 8a477f597d28d172789f06886806bc55"


def test_where_the_cache_is():
    assert cache_root({"HTP_CACHE_DIR": "/a", "XDG_CACHE_HOME": "/b"}) == Path("/a")
    assert cache_root({"XDG_CACHE_HOME": "/b", "HOME": "/c"}) == Path("/b/htp")
    if sys.platform == "linux":
        assert cache_root({"HOME": "/c"}) == Path("/c/.cache/htp")


def test_a_maker_that_fails_leaves_nothing(cache):
    def fails(folder: Path) -> None:
        (folder / "half").write_text("x")
        raise RuntimeError("no compiler")

    with pytest.raises(RuntimeError, match="no compiler"):
        cache.get_or_make(KEY, fails)
    assert cache.get(KEY) is None
    assert not [name for name in os.listdir(cache.root / "tmp") if name.startswith("make-")]


def test_a_makers_own_missing_file_is_not_the_caches_fault(cache):
    def fails(folder: Path) -> None:
        (folder / "nothing").read_text()

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(FileNotFoundError):
            cache.get_or_make(KEY, fails)


def test_the_first_of_two_makers_wins(cache):
    def slow(folder: Path) -> None:
        make("slow")(folder)
        cache.get_or_make(KEY, make("fast"))

    assert (cache.get_or_make(KEY, slow) / "lib/x.so").read_text() == "fast"
    assert not [name for name in os.listdir(cache.root / "tmp") if name.startswith("make-")]


@pytest.mark.parametrize("damage", ["shorter", "gone", "inventory", "empty"])
def test_a_damaged_entry_is_made_again(cache, damage):
    made = cache.get_or_make(KEY, make("old"))
    if damage == "shorter":
        (made / "lib/x.so").write_text("o")
    elif damage == "gone":
        (made / "lib/x.so").unlink()
    elif damage == "inventory":
        (made / INVENTORY).write_bytes(b"\xff")
    else:
        (made / INVENTORY).unlink()
    assert cache.get(KEY) is None
    assert (cache.get_or_make(KEY, make("new")) / "lib/x.so").read_text() == "new"


def test_verify_finds_and_removes_altered_entries(cache):
    made = cache.get_or_make(KEY, make("old"))
    cache.get_or_make(OTHER, make("old"))
    (made / "lib/x.so").write_text("new")
    assert cache.get(KEY) == made  # same size: only a full check can tell
    assert cache.verify() == ((KEY, "lib/x.so was altered"),)
    assert cache.get(KEY) is None
    assert cache.get(OTHER) is not None


def test_pruning_removes_the_least_recently_used_first(cache):
    keys = [f"{index:016x}" for index in range(5)]
    for age, key in enumerate(keys):
        made = cache.get_or_make(key, make("x" * 100))
        os.utime(made / INVENTORY, (1_000_000 + age, 1_000_000 + age))
    cache.get(keys[0])
    assert cache.prune(300) == (keys[1], keys[2])
    assert {each.key for each in cache.entries()} == {keys[0], keys[3], keys[4]}
    assert cache.prune(0) == (keys[3], keys[4])  # the one in use stays
    assert cache.prune(0, spare_seconds=0) == (keys[0],)


def test_leftovers_of_killed_makers_are_pruned(cache):
    program = (
        "import os, signal, sys\nfrom htp.cache import Cache\n"
        f"Cache.open().get_or_make({KEY!r}, lambda folder: os.kill(os.getpid(), signal.SIGKILL))\n"
    )
    environment = {**os.environ, "HTP_CACHE_DIR": str(cache.root), "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", program], env=environment, check=False)
    assert done.returncode == -9
    assert [name for name in os.listdir(cache.root / "tmp") if name.startswith("make-")]
    assert cache.get(KEY) is None
    cache.prune()
    assert not [name for name in os.listdir(cache.root / "tmp") if name.startswith("make-")]
    assert cache.get_or_make(KEY, make("1"))


def test_a_place_that_cannot_be_used_is_replaced_by_a_private_one_with_one_warning(tmp_path):
    (tmp_path / "file").write_text("x")
    environment = {"HTP_CACHE_DIR": str(tmp_path / "file" / "cache")}
    with pytest.warns(RuntimeWarning, match="cannot be used") as said:
        one, two = Cache.open(environment), Cache.open(environment)
    assert len(said) == 1
    assert one.private
    assert one.get_or_make(KEY, make("1")) == two.get_or_make(KEY, never)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EACCES])
def test_a_disk_that_fills_up_while_making(cache, monkeypatch, number):
    root = cache.root
    ordinary = caching.canonical

    def full(record):
        if Path(root / "tmp").is_dir() and any(root.glob("tmp/make-*")):
            raise OSError(number, os.strerror(number))
        return ordinary(record)

    monkeypatch.setattr(caching, "canonical", full)
    with pytest.warns(RuntimeWarning, match=os.strerror(number)):
        made = cache.get_or_make(KEY + "-full", make("1"))
    assert root not in made.parents
    assert (made / "lib/x.so").read_text() == "1"


def test_off_means_private():
    assert Cache.open({"HTP_CACHE": "off", "HTP_CACHE_DIR": "/nowhere"}).private


@pytest.mark.parametrize("key", ["", "short", "../../../etc", "UPPERCASE", "a/b/c/d/e", "x" * 300])
def test_bad_keys(cache, key):
    with pytest.raises(Bug):
        cache.path(key)


def test_many_processes_make_the_same_entry(cache):
    program = (
        "import sys\nfrom htp.cache import Cache\n"
        "for n in range(20):\n"
        "    made = Cache.open().get_or_make(f'{n:016x}', lambda folder: (folder / 'f').write_text('same') and None)\n"
        "    assert (made / 'f').read_text() == 'same'\n"
    )
    environment = {**os.environ, "HTP_CACHE_DIR": str(cache.root), "PYTHONPATH": os.pathsep.join(sys.path)}
    running = [subprocess.Popen([sys.executable, "-c", program], env=environment) for _ in range(3)]
    assert [each.wait(60) for each in running] == [0, 0, 0]
    assert len(cache.entries()) == 20
    assert cache.verify() == ()

"""What a store keeps, refuses, evicts and mends; every reopening stands for a restart."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from assay.clock import ManualClock
from assay.errors import Unavailable, UserError
from assay.objects.copying import export, ingest
from assay.objects.errors import ObjectInUse, ObjectMissing, SourceChanged, StoreDamaged, StoreFull
from assay.objects.folder import DATA, HAVE, TREE, ObjectFolder
from assay.objects.limits import CHUNK_BYTES, ObjectLimits
from assay.objects.store import ObjectStore
from assay.objects.tree import Head, Root, chunk_hash
from tests.unit.subnet.objects.world import QUICK, noise

SIZE = 4 * CHUNK_BYTES
CHARGE = SIZE + 8 + 32 + 4 * 32 + QUICK.overhead_bytes


class Stores:
    """One folder and the store that has it open."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = ManualClock()
        self.open: ObjectStore | None = None

    def store(self, capacity_bytes: int = 100 * CHARGE, **options: object) -> ObjectStore:
        if self.open is not None:
            self.open.close()
        limits = options.pop("limits", QUICK)
        assert isinstance(limits, ObjectLimits)
        self.open = ObjectStore(
            self.folder, capacity_bytes, clock=self.clock, limits=limits, **options  # type: ignore[arg-type]
        )  # fmt: skip
        return self.open

    def path(self, root: Root, name: str) -> Path:
        return self.folder / "objects" / root.hex() / name


@pytest.fixture
def stores(tmp_path: Path) -> Stores:
    return Stores(tmp_path / "store")


def put(store: ObjectStore, data: bytes) -> Root:
    *_, last = ingest(store, data)
    assert last.root is not None
    return last.root


def content(store: ObjectStore, root: Root, into: Path) -> bytes:
    with store.using(root) as folder:
        list(export(folder, into))
    return into.read_bytes()


def test_what_was_put_is_there_after_a_restart(stores: Stores, tmp_path: Path) -> None:
    root = put(stores.store(), noise(SIZE))
    store = stores.store()
    found = store.find(root)
    assert found is not None and found.whole and found.charged_bytes == CHARGE
    assert content(store, root, tmp_path / "out") == noise(SIZE)


def test_the_same_bytes_are_kept_and_charged_once(stores: Stores) -> None:
    store = stores.store(capacity_bytes=CHARGE)
    assert put(store, noise(SIZE)) == put(store, noise(SIZE))
    assert store.used_bytes == CHARGE


def test_a_store_is_open_in_one_place(stores: Stores) -> None:
    stores.store()
    with pytest.raises(UserError, match="is open in process"):
        ObjectStore(stores.folder, CHARGE)


def test_what_was_used_longest_ago_is_evicted(stores: Stores) -> None:
    store = stores.store(capacity_bytes=3 * CHARGE)
    a, b, c = (put(store, noise(SIZE, seed)) for seed in (1, 2, 3))
    with store.using(a):
        pass
    d = put(store, noise(SIZE, 4))
    assert [found.root for found in store.all()] == [c, a, d]
    assert store.find(b) is None
    assert not stores.path(b, DATA).parent.exists()


def test_the_order_survives_a_restart(stores: Stores) -> None:
    store = stores.store(capacity_bytes=3 * CHARGE)
    a, b, c = (put(store, noise(SIZE, seed)) for seed in (1, 2, 3))
    stores.clock.advance(1)
    with store.using(a):
        pass
    assert [found.root for found in stores.store().all()] == [b, c, a]


def test_pinned_objects_are_spared_also_after_a_restart(stores: Stores) -> None:
    store = stores.store(capacity_bytes=2 * CHARGE)
    a, b = put(store, noise(SIZE, 1)), put(store, noise(SIZE, 2))
    store.pin(a)
    store = stores.store(capacity_bytes=2 * CHARGE)
    put(store, noise(SIZE, 3))
    assert store.find(a) is not None and store.find(b) is None
    with pytest.raises(ObjectInUse, match="is pinned"):
        store.remove(a)
    store.unpin(a)
    store.remove(a)
    assert store.find(a) is None


def test_what_somebody_reads_is_spared(stores: Stores) -> None:
    store = stores.store(capacity_bytes=2 * CHARGE)
    a, b = put(store, noise(SIZE, 1)), put(store, noise(SIZE, 2))
    with store.using(a):
        put(store, noise(SIZE, 3))
        assert store.find(a) is not None and store.find(b) is None
        with pytest.raises(ObjectInUse, match="in use"):
            store.remove(a)


def test_a_full_store_refuses_and_evicts_nothing(stores: Stores) -> None:
    store = stores.store(capacity_bytes=3 * CHARGE)
    pinned = [put(store, noise(SIZE, seed)) for seed in (1, 2)]
    for root in pinned:
        store.pin(root)
    loose = put(store, noise(SIZE, 3))
    with pytest.raises(StoreFull, match=r"pinned or in use\. Unpin"):
        put(store, noise(2 * SIZE, 4))
    assert {found.root for found in store.all()} == {*pinned, loose}
    with pytest.raises(StoreFull):
        put(store, noise(100 * SIZE, 5))
    assert {found.root for found in store.all()} == {*pinned, loose}


def test_small_objects_are_charged_for_their_blocks(stores: Stores) -> None:
    store = stores.store(capacity_bytes=3 * QUICK.overhead_bytes)
    for seed in range(20):
        put(store, bytes([seed]))
    assert len(store.all()) == 2


def test_a_disk_without_room_refuses_before_anything_is_written(stores: Stores) -> None:
    limits = replace(QUICK, free_bytes_min=1_000)
    store = stores.store(limits=limits, free_bytes=lambda _: CHARGE + 999)
    with pytest.raises(StoreFull, match=r"the disk of .* to spare"):
        put(store, noise(SIZE))
    assert store.all() == []
    store = stores.store(limits=limits, free_bytes=lambda _: CHARGE + 1_000)
    put(store, noise(SIZE))


def test_room_promised_to_a_begun_object_is_not_promised_again(stores: Stores) -> None:
    other = Stores(stores.folder.with_name("other"))
    source = other.store()
    root = put(source, noise(SIZE))
    with source.using(root) as whole:
        head = whole.head
    store = stores.store(free_bytes=lambda _: CHARGE + SIZE - 1)
    with store.begin(head), pytest.raises(StoreFull):
        put(store, noise(SIZE, 2))


def head_of(data: bytes, folder: Path) -> Head:
    """The head of ``data``, as a stranger would name it."""
    source = ObjectStore(folder, 100 * CHARGE, limits=QUICK)
    root = put(source, data)
    with source.using(root) as whole:
        head = whole.head
    source.close()
    return head


def test_a_head_evicts_nothing_and_each_chunk_what_has_to_go_for_it(
    stores: Stores, tmp_path: Path
) -> None:
    store = stores.store(capacity_bytes=3 * CHARGE + QUICK.overhead_bytes + SIZE)
    old = [put(store, noise(SIZE, seed)) for seed in (1, 2, 3)]
    data = noise(3 * SIZE, 4)
    head = head_of(data, tmp_path / "source")
    hashes = b"".join(chunk_hash(piece) for piece in chunks_of(data))
    with store.begin(head) as folder:
        assert [found.root for found in store.all()] == [*old, head.root]
        assert store.used_bytes == 3 * CHARGE
        assert folder.put_page(0, hashes)
        wrong = memoryview(bytes(4 * CHUNK_BYTES))
        assert folder.write(0, wrong) == (0, 0)
        assert store.used_bytes == 3 * CHARGE, "what is wrong makes no room either"
        gone = []
        for number, piece in enumerate(chunks_of(data)):
            folder.write(number, memoryview(piece))
            here = {found.root for found in store.all()}
            gone.append(sum(root not in here for root in old))
        assert folder.whole
    assert gone == [0, 0, 0, 1, 1, 1, 1, 1, 2, 2, 2, 2]
    assert store.find(old[2]) is not None
    before = store.used_bytes
    assert stores.store().used_bytes == before, "a restart charges the same"


def chunks_of(data: bytes) -> list[bytes]:
    return [data[start : start + CHUNK_BYTES] for start in range(0, len(data), CHUNK_BYTES)]


def test_heads_alone_are_bounded_in_number(stores: Stores) -> None:
    store = stores.store(limits=replace(QUICK, idle_heads_max=5))
    kept = put(store, noise(SIZE))
    for number in range(20):
        with store.begin(Head.make(SIZE, number.to_bytes(32, "big"))):
            pass
    assert [found.whole for found in store.all()] == [True] + [False] * 5
    assert store.find(kept) is not None
    assert not list((stores.folder / "trash").iterdir())


def test_an_object_that_cannot_be_made_costs_no_other(
    stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = stores.store(capacity_bytes=3 * CHARGE, limits=replace(QUICK, idle_heads_max=1))
    old = [put(store, noise(SIZE, seed)) for seed in (1, 2, 3)]
    with store.begin(Head.make(SIZE, bytes(32))):
        pass

    def refuse(path: Path, head: Head) -> ObjectFolder:
        raise OSError(errno.EDQUOT, "Disk quota exceeded")

    monkeypatch.setattr(ObjectFolder, "create", refuse)
    with pytest.raises(Unavailable, match="quota"), store.begin(Head.make(SIZE, b"\1" * 32)):
        pass
    assert [found.root for found in store.all()] == old
    assert not list((stores.folder / "trash").iterdir())


# -- damage


def damage(path: Path, offset: int) -> None:
    with path.open("r+b") as file:
        file.seek(offset)
        (byte,) = file.read(1)
        file.seek(offset)
        file.write(bytes([byte ^ 1]))


def test_a_damaged_chunk_is_found_when_it_is_read_and_never_given_out(
    stores: Stores, tmp_path: Path
) -> None:
    store = stores.store()
    root = put(store, noise(SIZE))
    damage(stores.path(root, DATA), 2 * CHUNK_BYTES)
    with store.using(root) as folder:
        _, right = folder.read(0, 4)
        assert right == 0b1011
        assert not folder.whole and folder.missing(0) == 0b0100
        (tmp_path / "out").write_bytes(b"before")
        with pytest.raises(StoreDamaged):
            list(export(folder, tmp_path / "out"))
    assert (tmp_path / "out").read_bytes() == b"before"
    assert [path.name for path in tmp_path.iterdir()].count("out") == 1
    store = stores.store()
    found = store.find(root)
    assert found is not None and not found.whole, "noted on disk"
    assert put(store, noise(SIZE)) == root
    assert content(store, root, tmp_path / "out") == noise(SIZE)


def test_a_damaged_page_of_hashes_is_found(stores: Stores, tmp_path: Path) -> None:
    store = stores.store()
    root = put(store, noise(SIZE))
    damage(stores.path(root, TREE), 8 + 32 + 5)
    with store.using(root) as folder:
        assert folder.read(0, 1)[1] == 0
        assert folder.open_page(0) is None
    put(store, noise(SIZE))
    assert content(store, root, tmp_path / "out") == noise(SIZE)


@pytest.mark.parametrize("name", [TREE, DATA])
def test_a_torn_object_is_left_out_and_the_others_are_there(stores: Stores, name: str) -> None:
    store = stores.store()
    torn, other = put(store, noise(SIZE, 1)), put(store, noise(SIZE, 2))
    with stores.path(torn, name).open("r+b") as file:
        file.truncate(5)
    store = stores.store()
    assert [found.root for found in store.all()] == [other]
    assert put(store, noise(SIZE, 1)) == torn


def test_strange_names_in_the_folder_do_no_harm(stores: Stores) -> None:
    store = stores.store()
    root = put(store, noise(SIZE))
    (stores.folder / "objects" / "readme").write_text("hello")
    (stores.folder / "objects" / ("f" * 64)).mkdir()
    (stores.folder / "new" / "3").mkdir()
    (stores.folder / "trash" / "7").write_bytes(b"x")
    assert [found.root for found in stores.store().all()] == [root]
    for name in ("new", "trash"):
        assert not list((stores.folder / name).iterdir())


def test_bits_of_chunks_that_never_reached_the_disk_are_not_believed(stores: Stores) -> None:
    """What a power failure may leave: the bit without the bytes."""
    store = stores.store()
    root = put(store, noise(SIZE))
    stores.path(root, DATA).write_bytes(
        noise(2 * CHUNK_BYTES + 5) + bytes(SIZE - 2 * CHUNK_BYTES - 5)
    )
    stores.path(root, HAVE).write_bytes(b"\xff")
    store = stores.store()
    with store.using(root) as folder:
        assert folder.open_page(0) == 0b1100


def test_all_bits_without_the_last_step_make_a_whole_object(stores: Stores) -> None:
    root = put(stores.store(), noise(SIZE))
    stores.path(root, HAVE).write_bytes(b"\x0f")
    store = stores.store()
    with store.using(root) as folder:
        assert not folder.whole
        assert folder.open_page(0) == 0
        assert folder.whole
    assert not stores.path(root, HAVE).exists()


# -- sources and targets


def test_a_source_that_is_written_to_meanwhile(stores: Stores, tmp_path: Path) -> None:
    source = tmp_path / "file"
    source.write_bytes(noise(SIZE))
    steps = ingest(stores.store(), source)
    next(steps)
    source.write_bytes(noise(SIZE, 2))
    with pytest.raises(SourceChanged, match="was written to while it was read"):
        list(steps)
    source.write_bytes(noise(SIZE))
    steps = ingest(stores.store(), source)
    next(steps)
    source.write_bytes(b"short")
    with pytest.raises(SourceChanged):
        list(steps)


def test_what_is_no_file(stores: Stores, tmp_path: Path) -> None:
    store = stores.store()
    with pytest.raises(UserError, match="is not a file"):
        list(ingest(store, tmp_path))
    with pytest.raises(Unavailable, match="No such file"):
        list(ingest(store, tmp_path / "absent"))


def test_a_target_that_cannot_be_written_keeps_what_it_held(stores: Stores, tmp_path: Path) -> None:
    store = stores.store()
    root = put(store, noise(SIZE))
    with store.using(root) as folder, pytest.raises(Unavailable):
        list(export(folder, tmp_path / "absent" / "out"))
    target = tmp_path / "out"
    target.write_bytes(b"before")
    with store.using(root) as folder:
        steps = export(folder, target)
        next(steps)
        steps.close()
    assert target.read_bytes() == b"before"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "store"]


def test_what_is_not_here(stores: Stores) -> None:
    store = stores.store()
    absent = Root(bytes(32))
    for use in (store.pin, store.unpin, store.remove):
        with pytest.raises(ObjectMissing, match="is not in the store"):
            use(absent)
    with pytest.raises(ObjectMissing), store.using(absent):
        pass


@pytest.mark.parametrize("size", [0, 10, 3 * CHUNK_BYTES])
def test_putting_leaves_no_file_behind(stores: Stores, size: int) -> None:
    store = stores.store()
    put(store, noise(size))
    assert not list((store.folder / "new").iterdir())


class FullDisk(ObjectStore):
    """A store whose disk is full once something is to be written."""

    @contextmanager
    def new_path(self) -> Iterator[Path]:
        raise OSError(errno.ENOSPC, "No space left on device")
        yield self.folder


@pytest.mark.parametrize("as_file", [True, False])
def test_a_full_disk_is_the_stores_and_not_the_files(tmp_path: Path, as_file: bool) -> None:
    store = FullDisk(tmp_path / "store", 10**6, limits=QUICK)
    file = tmp_path / "file"
    file.write_bytes(b"content")
    with pytest.raises(Unavailable, match=f"The disk is full: {tmp_path / 'store'}"):
        list(ingest(store, file if as_file else b"content"))

"""`slipway deliver`: a file comes into the right landing folder, as a whole, or is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from slipway.adapters import landing_copy
from slipway.errors import BadParameter, NotFound
from slipway.records import arrivals
from slipway.records.landing_area import list_deliveries, list_undeliverable
from slipway.stages.ingest.fetched import Fetched
from slipway.wiring import Container
from slipway.wiring.deliver import Delivered, deliver
from tests.support.command_line import Make, slipway
from tests.support.small_specs import DATASET

FEATURES = "id,at,price,kind\na,2026-01-01,1.5,x\n"
LABELS = "id,sold\na,true\n"


def write(folder: Path, name: str, text: str) -> Path:
    """Write a file."""
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return file


def landed(container: Container) -> list[str]:
    """Keys of the deliveries."""
    return [one.key for one in list_deliveries(container.store, "shop")]


def register(
    container: Container, delivered: Delivered, file: Path, *, action: str = "ingested"
) -> None:
    """Register a delivery."""
    (one,) = [one for one in list_deliveries(container.store, "shop") if one.key == delivered.key]
    digest = Fetched.of(file).sha256
    note = {"live_revision": 1 if action == "ingested" else None}
    arrivals.register(container.store, one, revision=1, sha256=digest, action=action, note=note)


@pytest.mark.parametrize(
    ("name", "text", "stream"), [("june.csv", FEATURES, "features"), ("x.csv", LABELS, "labels")]
)
def test_the_columns_tell_the_stream(
    container: Container, tmp_path: Path, name: str, text: str, stream: str
) -> None:
    """Where there is one dataset, a file needs no option."""
    file = write(tmp_path, name, text)
    delivered = deliver(file, container=container)
    assert (delivered.dataset, delivered.stream) == ("shop", stream)
    assert landed(container) == [f"landing/shop/{stream}/{name}"]
    assert Path(delivered.where).read_text() == text


def test_a_file_whose_time_is_in_parts_fits_by_all_of_them(
    container: Container, tmp_path: Path
) -> None:
    """Without one of them it is a file of no stream."""
    spec = container.settings.datasets_folder / "shop" / "dataset.yaml"
    parts = DATASET.replace("event_time: at", "event_time: {year: y, month: m}")
    columns = "      y: {type: integer}\n      m: {type: integer}\n"
    spec.write_text(parts.replace("      at: {type: timestamp}\n", columns))
    whole = write(tmp_path, "may.csv", "id,y,m,price,kind\na,2026,5,1.5,x\n")
    assert deliver(whole, container=container).stream == "features"
    with pytest.raises(BadParameter, match="fits no stream"):
        deliver(write(tmp_path, "june.csv", "id,y,price,kind\na,2026,1,x\n"), container=container)


def test_a_file_of_both_belongs_to_the_features(container: Container, tmp_path: Path) -> None:
    """Where labels stand in the features' files, with the label's column or without it yet."""
    own = "    columns:\n      id: {type: string}\n      sold: {type: boolean}\n"
    spec = container.settings.datasets_folder / "shop" / "dataset.yaml"
    assert own in DATASET
    spec.write_text(
        DATASET.replace(own, "    from: features\n    columns:\n      sold: {type: boolean}\n")
    )
    both = FEATURES.replace("kind", "kind,sold").replace(",x", ",x,true")
    for name, text in (("may.csv", both), ("june.csv", FEATURES)):
        assert deliver(write(tmp_path, name, text), container=container).stream == "features"
    with pytest.raises(BadParameter, match="does not fit features of shop"):
        deliver(write(tmp_path, "x.csv", LABELS), container=container)
    with pytest.raises(BadParameter, match="no dataset has files of labels alone"):
        deliver(write(tmp_path, "y.csv", LABELS), stream="labels", container=container)


def test_a_file_with_the_label_beside_the_features_has_more_columns_of_features(
    container: Container, tmp_path: Path
) -> None:
    """It fits both streams, and belongs to the one with more of its columns."""
    text = "id,at,price,kind,sold\na,2026-01-01,1.5,x,true\n"
    assert deliver(write(tmp_path, "a.csv", text), container=container).stream == "features"


def test_the_columns_tell_the_dataset(container: Container, project: Make, tmp_path: Path) -> None:
    """Of several datasets, the one whose columns it has."""
    other = DATASET.replace("dataset: shop", "dataset: yard").replace("price", "weight")
    project({"datasets/yard/dataset.yaml": other})
    heavy = write(tmp_path, "a.csv", FEATURES.replace("price", "weight"))
    assert deliver(heavy, container=container).dataset == "yard"
    with pytest.raises(BadParameter, match="fits several streams") as caught:
        deliver(write(tmp_path, "b.csv", LABELS), container=container)
    assert caught.value.found == "labels of shop, labels of yard"
    delivered = deliver(tmp_path / "b.csv", dataset="yard", container=container)
    assert delivered.key == "landing/yard/labels/b.csv"


def test_a_file_that_fits_nothing_says_why(container: Container, tmp_path: Path) -> None:
    """The reasons are those of ingest; a stated stream is taken at its word."""
    file = write(tmp_path, "a.csv", "id,when\na,1\n")
    with pytest.raises(BadParameter, match="fits no stream") as caught:
        deliver(file, container=container)
    assert "not labels of shop, since the file lacks the column sold" in str(caught.value.found)
    assert deliver(file, stream="labels", container=container).stream == "labels"


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        (FEATURES.replace(",", ";"), 'csv: {delimiter: ";"}'),
        (FEATURES.replace("price", "Price"), "as the file spells it"),
        (FEATURES.replace("price", "prices"), "prices is spelt most like it"),
        (f"sep=;\n{FEATURES.replace(',', ';')}", "skip_lines: 1"),
    ],
)
@pytest.mark.parametrize("is_one_file", [False, True])
def test_a_file_in_another_dialect_or_with_a_renamed_column_has_the_hint_of_ingest(
    container: Container, tmp_path: Path, text: str, hint: str, *, is_one_file: bool
) -> None:
    """That for the stream which it is most like, also where it is the only one."""
    if is_one_file:
        own = "    columns:\n      id: {type: string}\n      sold: {type: boolean}\n"
        spec = container.settings.datasets_folder / "shop" / "dataset.yaml"
        spec.write_text(
            DATASET.replace(own, "    from: features\n    columns:\n      sold: {type: boolean}\n")
        )
    with pytest.raises(BadParameter) as caught:
        deliver(write(tmp_path, "a.csv", text), container=container)
    told = str(caught.value.hint)
    assert hint in told
    assert is_one_file or told.startswith("if it is features of shop: ")
    assert landed(container) == []


def test_a_file_in_another_dialect_has_the_hint_for_the_stream_that_it_is_most_like(
    container: Container, tmp_path: Path
) -> None:
    """Labels are told from features in whatever dialect they are."""
    with pytest.raises(BadParameter) as caught:
        deliver(write(tmp_path, "a.csv", LABELS.replace(",", ";")), container=container)
    assert str(caught.value.hint).startswith("if it is labels of shop: set `csv: {delimiter: ")


@pytest.mark.parametrize(
    "name", ["a.xlsx", "a.json", "a.zip", "a\tb.csv", "t#1", "a" * 220 + ".csv"]
)
def test_what_cannot_be_a_delivery_is_refused_as_status_names_it(
    container: Container, tmp_path: Path, name: str
) -> None:
    """The same reason and hint as for a file that lies in the landing area already."""
    file = write(tmp_path, name, FEATURES)
    with pytest.raises(BadParameter, match="cannot be a delivery") as caught:
        deliver(file, container=container)
    write(Path(container.store.root), f"landing/shop/features/{name}", FEATURES)
    (told,) = list_undeliverable(container.store, "shop")
    assert caught.value.message == f"this cannot be a delivery: it {told.reason}"
    assert caught.value.hint == told.hint


def test_links_to_nothing_hidden_and_absent_files_are_refused(
    container: Container, tmp_path: Path
) -> None:
    """Nothing is copied."""
    (tmp_path / "link.csv").symlink_to(tmp_path / "gone.csv")
    with pytest.raises(BadParameter, match="it is a link to nothing"):
        deliver(tmp_path / "link.csv", container=container)
    with pytest.raises(BadParameter, match="hidden"):
        deliver(write(tmp_path, ".a.csv", FEATURES), container=container)
    with pytest.raises(NotFound, match="no such file"):
        deliver(tmp_path / "gone.csv", container=container)
    assert landed(container) == []


@pytest.mark.parametrize("batch", ["", "a/b", ".a", "_a", "a/../b"])
def test_a_batch_has_a_name_that_a_file_can_have(
    container: Container, tmp_path: Path, batch: str
) -> None:
    """A name that would lead elsewhere, or be ignored, is refused."""
    with pytest.raises(BadParameter, match="name of a batch"):
        deliver(write(tmp_path, "a.csv", FEATURES), batch=batch, container=container)


def test_a_batch_may_be_named(container: Container, tmp_path: Path) -> None:
    """The file keeps its suffix."""
    deliver(write(tmp_path, "a.csv", FEATURES), batch="2026-01", container=container)
    assert landed(container) == ["landing/shop/features/2026-01.csv"]


def test_a_folder_of_parts_is_one_delivery_without_its_markers(
    container: Container, tmp_path: Path
) -> None:
    """As Spark writes it; delivered again with fewer parts, the others are gone."""
    folder = tmp_path / "june.parquet"
    folder.mkdir()
    table = pa.table({"id": ["a"], "at": ["2026-01-01"], "price": [1.0], "kind": ["x"]})
    for number in range(2):
        pq.write_table(table, folder / f"part-{number}.parquet")
    (folder / ".part-0.parquet.crc").write_bytes(b"x")
    deliver(folder, container=container)
    (one,) = list_deliveries(container.store, "shop")
    assert (one.is_complete, [key.rpartition("/")[2] for key in one.parts]) == (
        True,
        ["part-0.parquet", "part-1.parquet"],
    )
    (folder / "part-1.parquet").unlink()
    again = deliver(folder, container=container)
    assert again.replaces
    (one,) = list_deliveries(container.store, "shop")
    assert len(one.parts) == 1
    inside = {path.name for path in Path(again.where).parent.rglob("*")}
    assert inside == {"june.parquet", "part-0.parquet", "_SUCCESS"}


def test_the_same_content_is_not_delivered_twice(container: Container, tmp_path: Path) -> None:
    """Neither under its own name nor under another, unless it is asked for."""
    file = write(tmp_path, "a.csv", FEATURES)
    first = deliver(file, container=container)
    waiting = deliver(file, container=container)
    assert (waiting.is_copied, waiting.same_as, waiting.became) == (False, first.key, None)
    register(container, first, file)
    other = deliver(file, batch="b", container=container)
    assert (other.is_copied, other.same_as, other.became) == (False, first.key, "ingested")
    assert landed(container) == [first.key]
    assert deliver(file, again=True, container=container).is_copied


def test_a_blocked_file_is_delivered_again(container: Container, tmp_path: Path) -> None:
    """Whoever has changed the spec since needs no option for it."""
    file = write(tmp_path, "a.csv", FEATURES)
    first = deliver(file, container=container)
    register(container, first, file, action="blocked")
    again = deliver(file, container=container)
    assert (again.is_copied, again.same_as, again.became) == (True, first.key, "blocked")


def test_a_batch_with_other_content_replaces_its_rows(container: Container, tmp_path: Path) -> None:
    """Whoever delivers a new day under an old name reads it at once, and how to keep both."""
    file = write(tmp_path, "a.csv", FEATURES)
    register(container, deliver(file, container=container), file)
    write(tmp_path, "a.csv", FEATURES.replace("1.5", "2.5"))
    output = slipway("deliver", str(file)).output
    assert "  batch    a was delivered before; its rows are replaced\n" in output
    assert "to keep both, deliver the earlier file again with --batch NAME\n" in output


def test_a_file_that_was_never_read_is_told_to_be_overwritten(
    container: Container, tmp_path: Path
) -> None:
    """It has no rows in the table that could be replaced; under another name both are kept."""
    first = deliver(write(tmp_path, "x/a.csv", FEATURES), container=container)
    other = write(tmp_path, "y/a.csv", FEATURES.replace("1.5", "2.5"))
    output = slipway("deliver", str(other)).output
    assert (
        "  batch    a was delivered before and not read yet; that file is overwritten\n" in output
    )
    assert "rows are replaced" not in output
    again = deliver(tmp_path / "x/a.csv", batch="first", container=container)
    assert (again.is_copied, again.replaces) == (True, False)
    assert landed(container) == [first.key, again.key]


def test_a_half_written_copy_is_no_delivery(
    container: Container, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until it has its name, the landing area lists nothing; a failed copy leaves nothing."""
    seen: list[list[str]] = []

    def stopped(source: Path, target: Path) -> None:
        Path(target).write_text(source.read_text()[:5])
        seen.append([*landed(container), *map(str, list_undeliverable(container.store, "shop"))])
        raise KeyboardInterrupt

    monkeypatch.setattr(landing_copy.shutil, "copyfile", stopped)
    with pytest.raises(KeyboardInterrupt):
        deliver(write(tmp_path, "a.csv", FEATURES), container=container)
    assert seen == [[]]
    assert list((Path(container.store.root) / "landing/shop/features").iterdir()) == []


def test_the_command_says_where_and_what_follows(container: Container, tmp_path: Path) -> None:
    """In words, and as JSON."""
    file = write(tmp_path, "june 1.csv", FEATURES)
    output = slipway("deliver", str(file)).output
    assert f"  where    {container.store.root}/landing/shop/features/june 1.csv\n" in output
    assert "shop__ingest takes it within some 12 s" in output
    assert "--batch 'june 1' --file 'landing/shop/features/june 1.csv'\n" in output
    told = slipway("deliver", str(file)).output
    assert "delivered before: landing/shop/features/june 1.csv (not taken yet)" in told
    report = json.loads(slipway("deliver", str(file), "--again", "--json").output)
    assert (report["stream"], report["is_copied"]) == ("features", True)

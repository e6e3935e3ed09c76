import pytest

from hand_gestures.dataset.official_split import official_sides, read_official_split
from hand_gestures.utils.errors import HandGesturesError
from small_sequences import alone, by_performer


@pytest.fixture
def lists(tmp_path):
    """Writes a CSV of lists."""

    def write(*lines, header="class_name,video_id,split", encoding="utf-8"):
        path = tmp_path / "lists.csv"
        path.write_text("\n".join([header, *lines]) + "\n", encoding=encoding)
        return path

    return write


def one_sentence(caught):
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_lists_are_read_by_class_and_video(lists):
    listed = read_official_split(lists("wave,007,train", "fist,007, val", '"a, b",NA,test'))
    assert listed.to_dict() == {"wave/007": "train", "fist/007": "val", "a, b/NA": "test"}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_names_of_any_script_and_more_columns_do_no_harm(lists, encoding):
    path = lists("手,два слова,train,x", header="class_name,video_id,split,note", encoding=encoding)
    assert read_official_split(path).to_dict() == {"手/два слова": "train"}


def test_a_line_that_stands_twice_is_one(lists):
    assert len(read_official_split(lists("wave,a,train", "wave,a,train"))) == 1


@pytest.mark.parametrize(
    ("lines", "header", "says"),
    [
        (["wave,a,train"], "class,video_id,split", "has no column 'class_name'; add it"),
        (["wave,a,training"], "class_name,video_id,split", "line 2 of .* says 'training'; mend that line"),
        (["wave,a,val", "wave,a,train"], "class_name,video_id,split", "puts 'wave/a' on more"),
        (['wave,"a,train'], "class_name,video_id,split", "cannot be read as one"),
    ],
)
def test_lists_of_another_form_are_named_with_the_remedy(lists, lines, header, says):
    path = lists(*lines, header=header)
    with pytest.raises(HandGesturesError, match=says) as caught:
        read_official_split(path)
    assert str(path) in one_sentence(caught)


@pytest.mark.parametrize("content", [None, b"", b"\xff\xfe\x00", b"PK\x03\x04\x00\x00"])
def test_what_is_no_csv_is_named(tmp_path, content):
    path = tmp_path / "lists.csv"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(HandGesturesError, match=r"split\.lists must be a CSV") as caught:
        read_official_split(path)
    one_sentence(caught)


def sides_of(lists, sequences, *lines):
    listed = read_official_split(lists(*lines))
    return dict(zip(sequences["sequence_id"], official_sides(sequences, listed, 0.5, 1), strict=True))


def test_each_sequence_stands_where_the_lists_put_it(lists):
    sides = sides_of(lists, alone({"wave": 3}), "wave,v0,train", "wave,v1,val", "wave,v2,test")
    assert sides == {"wave/v0": "train", "wave/v1": "val", "wave/v2": "test"}


def test_differences_between_lists_and_disk_are_told(lists, caplog):
    sides = sides_of(lists, alone({"wave": 3}), "wave,v0,train", "wave,v1,val", "wave,gone,val", "wave,away,val")
    assert sides["wave/v2"] == "left_out"
    assert [record.getMessage() for record in caplog.records] == [
        "split.lists names 2 sequences that are not here, 'wave/away' the first",
        "1 sequences are left out, as split.lists does not name them",
    ]


def test_lists_without_validation_give_it_whole_groups_of_their_training(lists):
    sequences = by_performer(4, classes=2, takes=2)
    lines = [
        f"{row.class_name},{row.video_id},{'test' if row.group == 'p03' else 'train'}" for row in sequences.itertuples()
    ]
    listed = read_official_split(lists(*lines))
    sides = official_sides(sequences, listed, 0.3, 1)
    assert set(sides[sequences["group"] == "p03"]) == {"test"}
    assert sequences[sides == "val"]["group"].nunique() == 1
    assert sides.groupby(sequences["group"]).nunique().max() == 1


def test_a_class_that_nobody_trains_on_is_left_out_with_a_warning(lists, caplog):
    sequences = alone({"wave": 2, "fist": 2})
    sides = sides_of(lists, sequences, "wave,v0,train", "wave,v1,val", "fist,v0,val", "fist,v1,test")
    assert (sides["fist/v0"], sides["fist/v1"]) == ("left_out", "left_out")
    assert caplog.records[-1].getMessage() == "2 sequences are left out, as nothing trains their classes: fist"


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        (["wave,v0,val"], "none of the 1 it names is a training sequence"),
        (["other,v0,train"], r"the first here: 'wave/v0'\); mend the names"),
        (["wave,v0,train", "wave,v1,train", "fist,v0,val"], "none of fist for training; list some of them as train"),
    ],
)
def test_lists_that_leave_nothing_to_train_or_validate_are_named(lists, lines, says):
    with pytest.raises(HandGesturesError, match=says) as caught:
        sides_of(lists, alone({"wave": 2, "fist": 1}), *lines)
    one_sentence(caught)

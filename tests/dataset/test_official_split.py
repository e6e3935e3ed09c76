import pytest

from hand_gestures.dataset.official_split import official_splits, read_official_split
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
def test_names_of_any_script_and_additional_columns_are_accepted(lists, encoding):
    path = lists("手,два слова,train,x", header="class_name,video_id,split,note", encoding=encoding)
    assert read_official_split(path).to_dict() == {"手/два слова": "train"}


def test_a_repeated_line_counts_once(lists):
    assert len(read_official_split(lists("wave,a,train", "wave,a,train"))) == 1


@pytest.mark.parametrize(
    ("lines", "header", "says"),
    [
        (["wave,a,train"], "class,video_id,split", "has no column 'class_name'; add it"),
        (["wave,a,training"], "class_name,video_id,split", "line 2 of .* says 'training'; correct that line"),
        (["wave,a,val", "wave,a,train"], "class_name,video_id,split", "lists 'wave/a' in several"),
        (['wave,"a,train'], "class_name,video_id,split", "cannot be read as one"),
    ],
)
def test_errors_name_the_file_of_another_form_and_the_remedy(lists, lines, header, says):
    path = lists(*lines, header=header)
    with pytest.raises(HandGesturesError, match=says) as caught:
        read_official_split(path)
    assert str(path) in one_sentence(caught)


@pytest.mark.parametrize("content", [None, b"", b"\xff\xfe\x00", b"PK\x03\x04\x00\x00"])
def test_a_file_that_is_no_csv_is_an_error_that_names_it(tmp_path, content):
    path = tmp_path / "lists.csv"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(HandGesturesError, match=r"split\.lists must be a CSV") as caught:
        read_official_split(path)
    one_sentence(caught)


def splits_by_id(lists, sequences, *lines):
    listed = read_official_split(lists(*lines))
    return dict(zip(sequences["sequence_id"], official_splits(sequences, listed, 0.5, 1), strict=True))


def test_each_sequence_is_in_its_listed_split(lists):
    splits = splits_by_id(lists, alone({"wave": 3}), "wave,v0,train", "wave,v1,val", "wave,v2,test")
    assert splits == {"wave/v0": "train", "wave/v1": "val", "wave/v2": "test"}


def test_differences_between_lists_and_disk_are_logged(lists, caplog):
    splits = splits_by_id(lists, alone({"wave": 3}), "wave,v0,train", "wave,v1,val", "wave,gone,val", "wave,away,val")
    assert splits["wave/v2"] == "left_out"
    assert [record.getMessage() for record in caplog.records] == [
        "split.lists names 2 sequences not in this data set, the first: wave/away",
        "left out 1 sequence that split.lists does not name",
    ]


def test_lists_without_validation_use_whole_training_groups_for_it(lists):
    sequences = by_performer(4, classes=2, takes=2)
    lines = [
        f"{row.class_name},{row.video_id},{'test' if row.group == 'p03' else 'train'}" for row in sequences.itertuples()
    ]
    listed = read_official_split(lists(*lines))
    splits = official_splits(sequences, listed, 0.3, 1)
    assert set(splits[sequences["group"] == "p03"]) == {"test"}
    assert sequences[splits == "val"]["group"].nunique() == 1
    assert splits.groupby(sequences["group"]).nunique().max() == 1


def test_a_class_without_training_sequences_is_left_out_with_a_warning(lists, caplog):
    sequences = alone({"wave": 2, "fist": 2})
    splits = splits_by_id(lists, sequences, "wave,v0,train", "wave,v1,val", "fist,v0,val", "fist,v1,test")
    assert (splits["fist/v0"], splits["fist/v1"]) == ("left_out", "left_out")
    assert caplog.records[-1].getMessage() == "left out 2 sequences of classes that nothing trains: fist"


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        (["wave,v0,val"], "none of its 1 lines does"),
        (["other,v0,train"], r"a sequence of this data set: 'wave/v0'\); correct the names"),
        (["wave,v0,train", "wave,v1,train", "fist,v0,val"], "no training sequence of fist; list some of them as train"),
    ],
)
def test_lists_that_leave_nothing_to_train_or_validate_are_an_error(lists, lines, says):
    with pytest.raises(HandGesturesError, match=says) as caught:
        splits_by_id(lists, alone({"wave": 2, "fist": 1}), *lines)
    one_sentence(caught)


def test_names_match_in_both_spellings_of_an_accent(lists):
    listed = read_official_split(lists("и\u0306,e\u0301,train", "й,é,train", "й,ü,val"))
    assert listed.to_dict() == {"й/é": "train", "й/ü": "val"}
    with pytest.raises(HandGesturesError, match="in several"):
        read_official_split(lists("и\u0306,a,train", "й,a,val"))

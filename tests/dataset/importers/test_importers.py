"""Each importer reads a small made-up copy of its data set, and nothing else."""

import json
from typing import get_args

import pytest

from hand_gestures.dataset.importers import READERS, read_annotations
from hand_gestures.parameters import SegmentsFormat
from hand_gestures.utils.errors import HandGesturesError


def rows(annotation_format, path):
    return [tuple(row) for row in read_annotations(annotation_format, str(path)).itertuples(index=False)]


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


SLOVO = (
    "attachment_id\ttext\tuser_id\theight\twidth\tlength\ttrain\tbegin\tend\n"
    "de81\tжди\t1b\t1440\t1920\t15\tTrue\t30\t45\n"
    "3c0c\tNA\t64\t1440\t1920\t23\tFalse\t43\t66\n"
)


def test_slovo_trimmed_videos_are_whole_clips(tmp_path):
    write(tmp_path / "annotations.csv", SLOVO)
    expected = [("de81.mp4", "жди", None, None, "1b", "train"), ("3c0c.mp4", "NA", None, None, "64", "test")]
    assert rows("slovo", tmp_path) == expected
    (tmp_path / "train").mkdir()
    assert [row[0] for row in rows("slovo", tmp_path)] == ["train/de81.mp4", "test/3c0c.mp4"]


def test_slovo_original_videos_are_cut_at_begin_and_end(tmp_path):
    write(tmp_path / "annotations.csv", SLOVO)
    assert [row[2:4] for row in rows("slovo_original", tmp_path)] == [(30, 45), (43, 66)]


def test_jester_lists_are_train_and_val(tmp_path):
    write(tmp_path / "jester-v1-train.csv", "34870;Drumming Fingers\n56557;Sliding Two Fingers Right\n")
    expected = [
        ("20bn-jester-v1/34870", "Drumming Fingers", None, None, "", "train"),
        ("20bn-jester-v1/56557", "Sliding Two Fingers Right", None, None, "", "train"),
    ]
    assert rows("jester", tmp_path) == expected
    write(tmp_path / "jester-v1-validation.csv", "9223;Shaking Hand\n\n")
    assert rows("jester", tmp_path)[2] == ("20bn-jester-v1/9223", "Shaking Hand", None, None, "", "val")


@pytest.mark.parametrize("header", ["", "video,label,id,t_start,t_end,frames\n"])
def test_ipn_hand_frames_count_from_one_and_the_end_is_included(tmp_path, header):
    write(
        tmp_path / "annotations/Annot_List.txt",
        header + "1CM1_1_R_#217,D0X,1,1,104,104\n1CM1_1_R_#217,G05,8,105,170,66\n",
    )
    expected = [
        ("videos/1CM1_1_R_#217.avi", "D0X", 0, 104, "1CM1", ""),
        ("videos/1CM1_1_R_#217.avi", "G05", 104, 170, "1CM1", ""),
    ]
    assert rows("ipn_hand", tmp_path) == expected
    (tmp_path / "frames").mkdir()
    assert rows("ipn_hand", tmp_path)[0][0] == "frames/1CM1_1_R_#217"
    write(tmp_path / "annotations/Annot_TestList.txt", "other,D0X,1,1,104,104\n")
    assert {row[-1] for row in rows("ipn_hand", tmp_path)} == {"train"}
    write(tmp_path / "annotations/Annot_TestList.txt", "1CM1_1_R_#217,D0X,1,1,104,104\n")
    assert {row[-1] for row in rows("ipn_hand", tmp_path)} == {"test"}


def test_wlasl_videos_are_whole_clips(tmp_path):
    instance = {"video_id": "00335", "signer_id": 12, "split": "val", "frame_start": 20, "frame_end": 60, "fps": 25}
    write(tmp_path / "WLASL_v0.3.json", json.dumps([{"gloss": "book", "instances": [instance]}]))
    assert rows("wlasl", tmp_path) == [("videos/00335.mp4", "book", None, None, "signer12", "val")]


def test_path_lists_of_ucf(tmp_path):
    write(tmp_path / "classInd.txt", "1 Typing\n2 Tai Chi\n")
    write(tmp_path / "trainlist01.txt", "Typing/v_Typing_g08_c01.avi 1\r\n")
    write(tmp_path / "trainlist02.txt", "Typing/v_Typing_g01_c01.avi 1\n")
    write(tmp_path / "testlist01.txt", "Typing/v_Typing_g01_c02.avi\n")
    assert rows("path_lists", tmp_path) == [
        ("Typing/v_Typing_g08_c01.avi", "Typing", None, None, "Typing g08", "train"),
        ("Typing/v_Typing_g01_c02.avi", "Typing", None, None, "Typing g01", "test"),
    ]


def test_path_lists_with_names_as_labels(tmp_path):
    write(tmp_path / "train.txt", "two words/a.mp4 wave\n")
    write(tmp_path / "val.txt", "b.mp4 fist\n")
    assert rows("path_lists", tmp_path) == [
        ("two words/a.mp4", "wave", None, None, "", "train"),
        ("b.mp4", "fist", None, None, "", "val"),
    ]


def cvat(track, more=""):
    return (
        f"<annotations><version>1.1</version><meta><task><name>t</name>{more}</task><source>anna.mp4</source></meta>"
        f'<track id="0" label="wave">{track}</track></annotations>'
    )


def boxes(*frames):
    return "".join(f'<box frame="{frame}" outside="{outside}" xtl="0" ytl="0"/>' for frame, outside in frames)


def test_each_visible_stretch_of_a_cvat_track_is_a_segment(tmp_path):
    path = write(tmp_path / "a.xml", cvat(boxes((3, 0), (7, 0), (10, 1), (20, 0), (21, 0))))
    expected = [("anna.mp4", "wave", 3, 10, "", ""), ("anna.mp4", "wave", 20, 22, "", "")]
    assert rows("cvat", path) == rows("cvat", tmp_path) == expected


def test_frames_of_a_cvat_task_are_counted_in_the_video(tmp_path):
    path = write(
        tmp_path / "a.xml",
        cvat(boxes((3, 0), (10, 1)), "<start_frame>100</start_frame><frame_filter>step=5</frame_filter>"),
    )
    assert rows("cvat", path) == [("anna.mp4", "wave", 115, 150, "", "")]


def label_studio(video, **annotation):
    value = {"ranges": [{"start": 1, "end": 10}, {"start": 21, "end": 21}], "timelinelabels": ["wave"]}
    result = [{"type": "timelinelabels", "value": value}, {"type": "choices", "value": {}}]
    return {"data": {"video": video}, "annotations": [{"result": result} | annotation]}


@pytest.mark.parametrize(
    "video",
    ["/data/upload/3/1a2b3c4d-anna%20b.mp4", "/data/local-files/?d=day1/anna%20b.mp4", "s3://bucket/anna b.mp4"],
)
def test_ranges_of_label_studio_count_from_one_and_the_end_is_included(tmp_path, video):
    path = write(tmp_path / "export.json", json.dumps([label_studio(video), label_studio(video, was_cancelled=True)]))
    assert rows("label_studio", path) == [("anna b.mp4", "wave", 0, 10, "", ""), ("anna b.mp4", "wave", 20, 21, "", "")]


def test_the_parameter_allows_exactly_the_formats_that_can_be_read():
    assert set(get_args(SegmentsFormat)) == set(READERS)


@pytest.mark.parametrize("annotation_format", READERS)
def test_a_missing_data_set_is_one_sentence(tmp_path, annotation_format):
    with pytest.raises(HandGesturesError, match=r"cannot be read as .*; correct"):
        read_annotations(annotation_format, str(tmp_path / "missing"))


@pytest.mark.parametrize(
    ("annotation_format", "name", "text"),
    [
        ("slovo", "annotations.csv", SLOVO.replace("\t", ",")),
        ("slovo", "annotations.csv", SLOVO.replace("True", "yes")),
        ("slovo_original", "annotations.csv", SLOVO.replace("45", "x")),
        ("jester", "jester-v1-train.csv", "34870,Drumming Fingers\n"),
        ("ipn_hand", "Annot_List.txt", "a,b,c\n"),
        ("ipn_hand", "Annot_List.txt", "a,b,1,x,2,3\n"),
        ("wlasl", "WLASL_v0.3.json", '[{"gloss": "book"}]'),
        ("path_lists", "train.txt", "a.mp4\n"),
        ("cvat", "a.xml", "<annotations/>"),
        ("cvat", "a.xml", "no XML"),
        ("label_studio", "", ""),
    ],
)
def test_a_file_of_another_form_is_one_sentence(tmp_path, annotation_format, name, text):
    if name:
        write(tmp_path / name, text)
    with pytest.raises(HandGesturesError, match="cannot be read as that"):
        read_annotations(annotation_format, str(tmp_path))


def test_without_a_path_there_are_no_segments():
    assert read_annotations("csv", None) is None

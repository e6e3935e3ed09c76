"""Each importer reads a small made-up copy of its data set, and nothing else."""

import json
from typing import get_args

import pytest

from base_parameters import base_parameters
from hand_gestures.dataset.importers import READERS, read_annotations
from hand_gestures.parameters import SegmentsFormat, VideoIngestParameters
from hand_gestures.utils.errors import HandGesturesError


def settings(annotation_format, path, fps=None):
    return base_parameters(VideoIngestParameters, segments=path, segments_format=annotation_format, segments_fps=fps)


def rows(annotation_format, path, fps=None):
    return [tuple(row) for row in read_annotations(settings(annotation_format, str(path), fps)).itertuples(index=False)]


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


def test_frames_of_a_cvat_task_are_those_of_the_video(tmp_path):
    more = "<start_frame>100</start_frame><stop_frame>152</stop_frame><frame_filter>step=5</frame_filter>"
    # the exporter counts 100, 105, ... and ends a track by a shape that is outside at the next frame of the task
    path = write(tmp_path / "a.xml", cvat(boxes((105, 0), (115, 1), (120, 0), (125, 0)), more))
    assert [row[2:4] for row in rows("cvat", path)] == [(105, 115), (120, 130)]
    path = write(tmp_path / "a.xml", cvat(boxes((150, 0)), more))
    assert [row[2:4] for row in rows("cvat", path)] == [(150, 153)]  # stop_frame is the last frame of the task


@pytest.mark.parametrize("part", ["task", "job"])
def test_the_video_of_cvat_is_found_in_a_task_and_in_a_job(tmp_path, part):
    text = cvat(boxes((3, 0), (10, 1))).replace("</task><source>anna.mp4</source>", "<source>anna.mp4</source></task>")
    path = write(tmp_path / "a.xml", text.replace("task>", f"{part}>"))
    assert rows("cvat", path) == [("anna.mp4", "wave", 3, 10, "", "")]


def test_a_whole_project_of_cvat_is_refused(tmp_path):
    text = cvat(boxes((3, 0), (10, 1))).replace("<task>", "<project><tasks><task>")
    path = write(tmp_path / "a.xml", text.replace("</task>", "</task></tasks></project>"))
    with pytest.raises(HandGesturesError, match="counts the frames of all its tasks; export each task by itself"):
        rows("cvat", path)


def label_studio(video, fps=None, **annotation):
    value = {"ranges": [{"start": 1, "end": 10}, {"start": 21, "end": 21}], "timelinelabels": ["wave"]}
    result = [{"type": "timelinelabels", "value": value}, {"type": "choices", "value": {}}]
    data = {"video": video} | ({"fps": fps} if fps else {})
    return {"data": data, "annotations": [{"result": result} | annotation]}


@pytest.mark.parametrize(
    "video",
    ["/data/upload/3/1a2b3c4d-anna%20b.mp4", "/data/local-files/?d=day1/anna%20b.mp4", "s3://bucket/anna b.mp4"],
)
def test_ranges_of_label_studio_count_from_one_and_the_end_is_included(tmp_path, video):
    path = write(tmp_path / "export.json", json.dumps([label_studio(video), label_studio(video, was_cancelled=True)]))
    expected = [("anna b.mp4", "wave", 0, 10 / 24, "", ""), ("anna b.mp4", "wave", 20 / 24, 21 / 24, "", "")]
    assert rows("label_studio", path, fps=24) == expected
    assert "start_seconds" in read_annotations(settings("label_studio", str(path), 24)).columns


def test_without_their_rate_frames_of_label_studio_are_no_frames_of_the_video(tmp_path):
    path = write(tmp_path / "export.json", json.dumps([label_studio("a.mp4")]))
    with pytest.raises(HandGesturesError, match=r"set video_ingest.segments_fps to the frameRate \(24 unless"):
        rows("label_studio", path)


def test_fps_in_the_data_of_label_studio_gives_seconds(tmp_path):
    path = write(tmp_path / "export.json", json.dumps([label_studio("a.mp4", "25"), label_studio("b.mp4", 50)]))
    assert [row[2:4] for row in rows("label_studio", path)] == [(0, 0.4), (0.8, 0.84), (0, 0.2), (0.4, 0.42)]
    assert "start_seconds" in read_annotations(settings("label_studio", str(path))).columns
    write(path, json.dumps([label_studio("a.mp4", 25), label_studio("b.mp4")]))
    with pytest.raises(HandGesturesError, match="1 of 2 tasks have fps in their data; give it to all of them"):
        rows("label_studio", path)
    write(path, json.dumps([label_studio("a.mp4", -1)]))
    with pytest.raises(HandGesturesError, match="fps must be above 0, but it is -1"):
        rows("label_studio", path)


def test_frames_of_any_format_become_seconds(tmp_path):
    text = "video,class_name,start_frame,end_frame\na.mp4,wave,12,24\nb.mp4,wave,,\nc.mp4,wave,x,nan\n"
    path = write(tmp_path / "segments.csv", text)
    table = read_annotations(settings("csv", str(path), 24))
    assert table.columns.tolist() == ["video", "class_name", "start_seconds", "end_seconds"]
    assert table.to_numpy()[:, 2:].tolist() == [[0.5, 1.0], ["", ""], ["x", "nan"]]


def fiftyone(tmp_path, classes, **labels):
    for name in labels:
        write(tmp_path / f"data/day1/{name}.mp4", "")
    content = {"labels": {f"day1/{name}": values for name, values in labels.items()}}
    return write(tmp_path / "labels.json", json.dumps(content | ({"classes": classes} if classes else {})))


def test_temporal_detections_of_fiftyone_count_from_one_and_the_end_is_included(tmp_path):
    first, second = {"label": 1, "support": [31, 60]}, {"label": 0, "support": [90, 90], "confidence": 0.5}
    fiftyone(tmp_path, ["fist", "wave"], anna=[first, second], ben=None)
    expected = [("data/day1/anna.mp4", "wave", 30, 60, "", ""), ("data/day1/anna.mp4", "fist", 89, 90, "", "")]
    assert rows("fiftyone", tmp_path) == expected


def test_time_stamps_of_fiftyone_are_seconds(tmp_path):
    label = {"label": "wave", "timestamps": [0.5, 2]}
    fiftyone(tmp_path, None, anna=[label])
    assert rows("fiftyone", tmp_path) == [("data/day1/anna.mp4", "wave", 0.5, 2, "", "")]
    assert "start_seconds" in read_annotations(settings("fiftyone", str(tmp_path))).columns
    fiftyone(tmp_path, None, anna=[label, {"label": "wave", "support": [1, 2]}])
    with pytest.raises(HandGesturesError, match="timestamps and support in one file"):
        rows("fiftyone", tmp_path)


def samples(tmp_path, **fields):
    sample = {"filepath": "data/anna.mp4", "_media_type": "video", "tags": ["good", "validation"], "metadata": {}}
    return write(tmp_path / "samples.json", json.dumps({"samples": [sample | fields, sample | {"filepath": "b.mp4"}]}))


def test_labels_of_fiftyone_samples_are_whole_videos_or_parts(tmp_path):
    wave = {"_cls": "Classification", "label": "wave"}
    detections = [{"_cls": "TemporalDetection", "label": "fist", "support": [16, 45]}]
    events = {"_cls": "TemporalDetections", "detections": detections}
    samples(tmp_path, gesture=wave)
    assert rows("fiftyone", tmp_path) == [("data/anna.mp4", "wave", None, None, "", "val")]
    samples(tmp_path, events=events)
    assert rows("fiftyone", tmp_path) == [("data/anna.mp4", "fist", 15, 45, "", "val")]
    samples(tmp_path, events=events, gesture=wave)
    with pytest.raises(HandGesturesError, match="several fields with labels: events, gesture; export one of them"):
        rows("fiftyone", tmp_path)
    samples(tmp_path, events=events, ground_truth=wave, tags=["train", "test"])
    assert rows("fiftyone", tmp_path) == [("data/anna.mp4", "wave", None, None, "", "")]


def test_the_parameter_allows_exactly_the_formats_that_can_be_read():
    assert set(get_args(SegmentsFormat)) == set(READERS)


@pytest.mark.parametrize("annotation_format", READERS)
def test_a_missing_data_set_is_one_sentence(tmp_path, annotation_format):
    with pytest.raises(HandGesturesError, match=r"cannot be read as .*; correct"):
        read_annotations(settings(annotation_format, str(tmp_path / "missing")))


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
        ("wlasl", "WLASL_v0.3.json", "[" * 5000 + "]" * 5000),
        ("fiftyone", "labels.json", "[" * 5000 + "]" * 5000),
        ("fiftyone", "labels.json", '{"labels": {"a": [{"support": [1, 2]}]}}'),
        ("fiftyone", "labels.json", '{"labels": {"a": [{"label": "wave", "support": [1]}]}}'),
        ("fiftyone", "samples.json", '{"samples": [{"filepath": "a.mp4"}]}'),
    ],
)
def test_a_file_of_another_form_is_one_sentence(tmp_path, annotation_format, name, text):
    if name:
        write(tmp_path / name, text)
    with pytest.raises(HandGesturesError, match="cannot be read as that"):
        read_annotations(settings(annotation_format, str(tmp_path)))


def test_without_a_path_there_are_no_segments():
    assert read_annotations(settings("csv", None)) is None

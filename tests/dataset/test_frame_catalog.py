import os
from collections import Counter
from pathlib import Path, PurePosixPath

import pytest

from hand_gestures.dataset.frame_catalog import catalog_frames
from hand_gestures.utils.errors import HandGesturesError


def reasons(catalog):
    return dict(zip(catalog.rejected["path"], catalog.rejected["reason"], strict=True))


def warnings(caplog):
    return [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]


def test_frames_are_ordered_by_number_not_by_text(two_classes, write_frame):
    for number in ("10", "9", "0011", "003", "100"):
        write_frame(f"wave/v_frame_{number}.jpg")
    frames = catalog_frames(two_classes).frames
    wave = frames[frames["class_name"] == "wave"]
    assert list(wave["frame_number"]) == [0, 1, 2, 3, 9, 10, 11, 100]
    assert list(wave["path"])[3:6] == ["wave/v_frame_003.jpg", "wave/v_frame_9.jpg", "wave/v_frame_10.jpg"]


def test_a_row_has_class_video_number_relative_path_and_size(two_classes, write_frame):
    write_frame("wave/My 手_frame_2_frame_0040.PNG")
    frames = catalog_frames(two_classes).frames
    assert list(frames.columns) == ["class_name", "video_id", "frame_number", "path", "bytes"]
    row = frames[frames["frame_number"] == 40].iloc[0]
    size = (two_classes / "wave/My 手_frame_2_frame_0040.PNG").stat().st_size
    assert tuple(row) == ("wave", "My 手_frame_2", 40, "wave/My 手_frame_2_frame_0040.PNG", size)


def test_a_clean_folder_has_no_rejects(two_classes):
    catalog = catalog_frames(two_classes)
    assert len(catalog.frames) == 6
    assert len(catalog.rejected) == 0
    assert list(catalog.rejected.columns) == ["path", "reason"]


def test_video_1_and_video_10_stay_apart(two_classes, write_frame):
    for name in ("1_frame_1", "1_frame_2", "10_frame_1", "10_frame_2", "10_frame_3"):
        write_frame(f"wave/{name}.jpg")
    frames = catalog_frames(two_classes).frames
    assert Counter(frames["video_id"]) == {"v": 6, "1": 2, "10": 3}


@pytest.mark.parametrize(
    ("path", "suffix", "damage", "reason"),
    [
        ("wave/v_frame_9.jpg", ".jpg", lambda whole: b"", "empty file"),
        ("wave/v_frame_9.png", ".png", lambda whole: b"", "empty file"),
        ("wave/v_frame_9.jpg", ".jpg", lambda whole: b"no picture at all\n", "not a jpeg or png image"),
        ("wave/v_frame_9.jpg", ".jpg", lambda whole: whole[: len(whole) // 2], "truncated jpeg"),
        ("wave/v_frame_9.jpg", ".jpg", lambda whole: whole[:-2], "truncated jpeg"),
        ("wave/v_frame_9.png", ".png", lambda whole: whole[: len(whole) // 2], "truncated png"),
        ("wave/v_frame_9.png", ".png", lambda whole: whole[:-1], "truncated png"),
        ("wave/.v_frame_9.jpg", ".jpg", lambda whole: whole, "hidden"),
        ("wave/.notes", ".jpg", lambda whole: b"x", "hidden"),
        ("wave/v-9.jpg", ".jpg", lambda whole: whole, "name is not"),
        ("wave/notes.txt", ".jpg", lambda whole: b"x", "name is not"),
        ("v_frame_9.jpg", ".jpg", lambda whole: whole, "not inside a class folder"),
        (".v_frame_9.jpg", ".jpg", lambda whole: whole, "hidden"),
    ],
)
def test_a_file_that_is_no_frame_is_rejected_with_its_reason(two_classes, encode, path, suffix, damage, reason):
    (two_classes / path).write_bytes(damage(encode(suffix, "other")))
    catalog = catalog_frames(two_classes)
    assert len(catalog.frames) == 6
    assert list(catalog.rejected["path"]) == [path]
    assert catalog.rejected["reason"][0].startswith(reason)


@pytest.mark.parametrize("suffix", [".jpg", ".png"])
def test_bytes_after_the_end_of_a_picture_are_accepted(two_classes, encode, suffix):
    (two_classes / f"wave/v_frame_9{suffix}").write_bytes(encode(suffix) + bytes(100))
    catalog = catalog_frames(two_classes)
    assert len(catalog.frames) == 7
    assert len(catalog.rejected) == 0


def test_a_pipe_is_rejected_without_waiting_for_it(two_classes):
    os.mkfifo(two_classes / "wave/v_frame_9.jpg")
    assert reasons(catalog_frames(two_classes)) == {"wave/v_frame_9.jpg": "not a regular file"}


def test_a_folder_inside_a_class_folder_is_rejected(two_classes, write_frame):
    write_frame("wave/deeper/v_frame_7.jpg")
    catalog = catalog_frames(two_classes)
    assert reasons(catalog) == {"wave/deeper": "folder inside a class folder"}
    assert 7 not in set(catalog.frames["frame_number"])


def test_a_hidden_class_folder_is_rejected(two_classes, write_frame):
    write_frame(".trash/v_frame_1.jpg")
    catalog = catalog_frames(two_classes)
    assert reasons(catalog) == {".trash": "hidden"}
    assert set(catalog.frames["class_name"]) == {"fist", "wave"}


def test_a_class_with_the_name_of_the_row_over_all_classes_is_rejected(two_classes, write_frame):
    write_frame("(all)/v_frame_1.jpg")
    catalog = catalog_frames(two_classes)
    assert reasons(catalog) == {"(all)": "tables use this name for all classes together; rename the class"}
    assert set(catalog.frames["class_name"]) == {"fist", "wave"}


def test_the_same_number_twice_is_kept_once(two_classes, write_frame):
    write_frame("wave/v_frame_1.png")
    write_frame("wave/v_frame_01.png")
    catalog = catalog_frames(two_classes)
    wave = catalog.frames[catalog.frames["class_name"] == "wave"]
    assert list(wave["frame_number"]) == [0, 1, 2]
    assert wave["path"].iloc[1] == "wave/v_frame_01.png"
    assert set(reasons(catalog)) == {"wave/v_frame_1.jpg", "wave/v_frame_1.png"}
    assert set(reasons(catalog).values()) == {"another file has the same video and number"}


def test_a_good_file_replaces_a_broken_one_of_the_same_number(two_classes, write_frame):
    (two_classes / "wave/v_frame_1.jpg").write_bytes(b"")
    write_frame("wave/v_frame_1.png")
    catalog = catalog_frames(two_classes)
    assert "wave/v_frame_1.png" in set(catalog.frames["path"])
    assert reasons(catalog) == {"wave/v_frame_1.jpg": "empty file"}


def test_the_same_name_in_two_classes_is_two_frames(two_classes):
    frames = catalog_frames(two_classes).frames
    assert {"fist/v_frame_1.jpg", "wave/v_frame_1.jpg"} <= set(frames["path"])


def test_a_link_that_leads_outside_is_rejected(two_classes, tmp_path, encode):
    outside = tmp_path / "elsewhere.jpg"
    outside.write_bytes(encode(".jpg"))
    (two_classes / "wave/v_frame_9.jpg").symlink_to(outside)
    catalog = catalog_frames(two_classes)
    assert len(catalog.frames) == 6
    assert reasons(catalog) == {"wave/v_frame_9.jpg": "link that leads outside the folder"}


def test_a_class_folder_that_links_outside_is_rejected(two_classes, tmp_path, encode):
    outside = tmp_path / "elsewhere"
    outside.mkdir()
    (outside / "v_frame_9.jpg").write_bytes(encode(".jpg"))
    (two_classes / "open").symlink_to(outside)
    catalog = catalog_frames(two_classes)
    assert set(catalog.frames["class_name"]) == {"fist", "wave"}
    assert reasons(catalog) == {"open": "link that leads outside the folder"}


def test_a_link_to_a_file_inside_the_folder_is_a_frame(two_classes):
    (two_classes / "wave/v_frame_9.jpg").symlink_to(two_classes / "fist/v_frame_1.jpg")
    catalog = catalog_frames(two_classes)
    assert "wave/v_frame_9.jpg" in set(catalog.frames["path"])
    assert len(catalog.rejected) == 0


def test_a_broken_link_is_rejected(two_classes):
    (two_classes / "wave/v_frame_9.jpg").symlink_to(two_classes / "wave/gone.jpg")
    catalog = catalog_frames(two_classes)
    assert len(catalog.frames) == 6
    assert reasons(catalog)["wave/v_frame_9.jpg"].startswith("cannot be read")


def test_a_class_folder_without_frames_is_rejected(two_classes):
    (two_classes / "empty").mkdir()
    (two_classes / "texts").mkdir()
    (two_classes / "texts/notes.txt").write_text("x")
    catalog = catalog_frames(two_classes)
    assert set(catalog.frames["class_name"]) == {"fist", "wave"}
    assert set(reasons(catalog)) == {"empty/", "texts/", "texts/notes.txt"}
    assert reasons(catalog)["empty/"] == reasons(catalog)["texts/"] == "class folder without a readable frame"


def test_every_file_is_in_exactly_one_table(two_classes, write_frame, encode):
    for path in ("wave/v_frame_1.png", "wave/deep/v_frame_1.jpg", "wave/deep/er/x.jpg", ".hidden/v_frame_1.jpg"):
        write_frame(path)
    for path in ("top.jpg", "wave/.notes", "wave/v_frame_5.jpg", "fist/readme.txt", "none/x.txt"):
        (two_classes / path).parent.mkdir(exist_ok=True)
        (two_classes / path).write_text("x")
    (two_classes / "fist/v_frame_6.jpg").write_bytes(encode(".jpg")[:300])
    catalog = catalog_frames(two_classes)
    rows = Counter([*catalog.frames["path"], *catalog.rejected["path"]])
    files = [Path(top, name).relative_to(two_classes) for top, _, names in os.walk(two_classes) for name in names]
    assert len(files) == 16
    assert len(catalog.frames) == 6
    for file in files:
        within = PurePosixPath(file)
        rejected_folders = [parent for parent in within.parents if rows[str(parent)]]
        assert rows[str(within)] + len(rejected_folders) == 1, f"{file} is in no table or in more than one"


def test_rejects_are_ordered_and_repeatable(two_classes):
    for name in ("wave/b.txt", "fist/c.txt", "wave/a.txt"):
        (two_classes / name).write_text("x")
    first, second = catalog_frames(two_classes), catalog_frames(two_classes)
    assert list(first.rejected["path"]) == ["fist/c.txt", "wave/a.txt", "wave/b.txt"]
    assert first.frames.equals(second.frames)
    assert first.rejected.equals(second.rejected)


def missing(folder, write_frame):
    folder.rmdir()


def a_file(folder, write_frame):
    folder.rmdir()
    folder.write_text("x")


def empty(folder, write_frame):
    pass


def one_class(folder, write_frame):
    write_frame("wave/v_frame_1.jpg")


def frames_without_class_folders(folder, write_frame):
    write_frame("v_frame_1.jpg")
    write_frame("v_frame_2.jpg")


def second_class_broken(folder, write_frame):
    write_frame("wave/v_frame_1.jpg")
    write_frame("fist/v_frame_1.jpg").write_bytes(b"")


@pytest.mark.parametrize(
    ("arrange", "says"),
    [
        (missing, "is no folder"),
        (a_file, "is no folder"),
        (empty, "holds no frame"),
        (one_class, "only class 'wave'"),
        (frames_without_class_folders, "v_frame_1.jpg, not inside a class folder"),
        (second_class_broken, "fist/, class folder without a readable frame"),
    ],
)
def test_an_error_names_an_unusable_folder_and_the_remedy(frames_dir, write_frame, arrange, says):
    arrange(frames_dir, write_frame)
    with pytest.raises(HandGesturesError) as caught:
        catalog_frames(frames_dir)
    message = str(caught.value)
    assert says in message
    assert str(frames_dir) in message
    assert "--params frames_dir=PATH" in message
    assert "\n" not in message


def test_a_link_to_itself_is_rejected_as_frame_and_as_class(two_classes):
    (two_classes / "wave/loop_frame_1.jpg").symlink_to("loop_frame_1.jpg")
    (two_classes / "loop").symlink_to("loop")
    found = reasons(catalog_frames(two_classes))
    assert set(found) == {"wave/loop_frame_1.jpg", "loop"}
    assert all(reason.startswith("cannot be read") for reason in found.values())


def test_a_name_that_is_not_utf8_is_rejected(two_classes):
    source = next((two_classes / "wave").glob("*.jpg"))
    (two_classes / "wave" / os.fsdecode(b"\xff_frame_1.jpg")).write_bytes(source.read_bytes())
    assert reasons(catalog_frames(two_classes)) == {"wave/\ufffd_frame_1.jpg": "name is not UTF-8"}


def test_a_number_too_large_for_a_table_does_not_match_the_pattern(two_classes, write_frame):
    write_frame(f"wave/v_frame_{'9' * 20}.jpg")
    assert [reason[:11] for reason in reasons(catalog_frames(two_classes)).values()] == ["name is not"]


@pytest.mark.parametrize("processes", [1, 2])
def test_a_full_decode_finds_damage_and_keeps_a_good_file_of_the_same_number(two_classes, write_frame, processes):
    damaged = write_frame("wave/v_frame_1.jpg", 240, 320)
    content = bytearray(damaged.read_bytes())
    content[len(content) // 2 : len(content) // 2 + 64] = b"\xff\xd8" * 32
    damaged.write_bytes(content)
    write_frame("wave/v_frame_1.png")
    quick, full = catalog_frames(two_classes), catalog_frames(two_classes, full_decode=True, processes=processes)
    assert reasons(quick) == {"wave/v_frame_1.png": "another file has the same video and number"}
    assert list(reasons(full)) == ["wave/v_frame_1.jpg"]
    assert reasons(full)["wave/v_frame_1.jpg"].startswith("pixels cannot be decoded")
    assert "wave/v_frame_1.png" in set(full.frames["path"])


def test_frames_of_a_partly_ingested_video_are_rejected(two_classes, write_frame):
    write_frame("wave/half_frame_0.jpg")
    mark = two_classes / ".ingest" / "wave" / "half.writing"
    mark.parent.mkdir(parents=True)
    mark.touch()
    catalog = catalog_frames(two_classes)
    assert len(catalog.frames) == 6
    assert list(reasons(catalog)) == ["wave/half_frame_0.jpg"]
    assert "run video_ingest again" in reasons(catalog)["wave/half_frame_0.jpg"]


def test_both_spellings_of_an_accent_are_one_class_and_one_video(two_classes, write_frame):
    composed, decomposed = "вий", "вии\u0306"
    write_frame(f"{composed}/{composed}_frame_0.jpg")
    write_frame(f"{composed}/{decomposed}_frame_1.jpg")
    write_frame(f"{decomposed}/{decomposed}_frame_2.jpg")
    write_frame(f"{decomposed}/{composed}_frame_3.jpg")
    write_frame(f"{decomposed}/{composed}_frame_0.jpg")
    frames, rejected = catalog_frames(two_classes)
    video = frames[~frames["class_name"].isin(["fist", "wave"])]
    assert set(video["class_name"]) == set(video["video_id"]) == {composed}
    assert list(video["frame_number"]) == [0, 1, 2, 3]
    assert all((two_classes / path).is_file() for path in video["path"])  # paths are spelled as on disk
    assert list(rejected["reason"]) == ["another file has the same video and number"]


def test_an_empty_folder_is_rejected_though_the_other_spelling_has_frames(two_classes, write_frame):
    write_frame("й/v_frame_0.jpg")
    (two_classes / "и\u0306").mkdir()
    assert reasons(catalog_frames(two_classes)) == {"и\u0306/": "class folder without a readable frame"}


def test_frames_of_a_partly_ingested_video_are_rejected_in_both_spellings(two_classes, write_frame):
    write_frame("wave/и\u0306_frame_0.jpg")
    mark = two_classes / ".ingest" / "wave" / "й.writing"
    mark.parent.mkdir(parents=True)
    mark.touch()
    assert list(reasons(catalog_frames(two_classes))) == ["wave/и\u0306_frame_0.jpg"]


def test_classes_that_differ_only_in_case_are_two_classes_with_one_warning(two_classes, write_frame, caplog):
    write_frame("Wave/v_frame_0.jpg")
    write_frame("FIST/v_frame_0.jpg")
    frames = catalog_frames(two_classes).frames
    assert set(frames["class_name"]) == {"fist", "wave", "Wave", "FIST"}
    (message,) = warnings(caplog)
    assert message.endswith("rename one of: 'FIST' and 'fist'; 'Wave' and 'wave'")


def test_classes_with_different_names_cause_no_warning(two_classes, caplog):
    catalog_frames(two_classes)
    assert warnings(caplog) == []


@pytest.mark.parametrize("letter", ["\n", "\r", "\t", "\x07", "\x85", "\u2028"])
def test_a_name_with_a_control_character_is_rejected_on_one_line(two_classes, write_frame, letter, caplog):
    write_frame(f"wave/a{letter}b_frame_0.jpg")
    write_frame(f"o{letter}k/v_frame_0.jpg")
    found = reasons(catalog_frames(two_classes))
    escape = letter.encode("unicode_escape").decode()
    assert found == dict.fromkeys([f"wave/a{escape}b_frame_0.jpg", f"o{escape}k"], "name holds a control character")
    assert all(len(message.splitlines()) == 1 for message in caplog.messages)


@pytest.mark.parametrize(
    "name", ["=1+1", "-rf", "what?", "a#b", "%2e%2e", "dot.", "space ", "CON", "手" * 70, "'x", "@"]
)
def test_any_other_name_of_a_class_is_accepted(two_classes, write_frame, name):
    write_frame(f"{name}/{name[:60]}_frame_0.jpg")
    frames, rejected = catalog_frames(two_classes)
    assert rejected.empty
    assert set(frames["class_name"]) == {"fist", "wave", name}


def test_a_pattern_reads_nested_folders_where_they_are(frames_dir, write_frame):
    for class_name in ("fist", "wave"):
        for clip in ("1", "10"):
            for number in ("00010", "00009"):
                write_frame(f"{class_name}/{clip}/{number}.jpg")
    write_frame("wave/1/cover.jpg")
    write_frame("wave/1/.hidden/00001.jpg")
    catalog = catalog_frames(frames_dir, pattern=r"(?P<video_id>[^/]+)/(?P<number>\d+)")
    assert list(catalog.frames["path"])[:4] == [
        *("fist/1/00009.jpg", "fist/1/00010.jpg", "fist/10/00009.jpg", "fist/10/00010.jpg")
    ]
    assert Counter(catalog.frames["video_id"]) == {"1": 4, "10": 4}
    assert reasons(catalog) == {
        "wave/1/.hidden": "hidden",
        "wave/1/cover.jpg": "name is not what frame_pattern matches",
    }


def test_a_pattern_reads_other_names_and_rejects_what_no_number_is(frames_dir, write_frame):
    for name in ("anna-7.png", "anna-8.PNG", "anna-x.png", "anna-9.gif"):
        write_frame("fist/" + name) if not name.endswith("gif") else (frames_dir / "fist" / name).write_bytes(b"x")
    write_frame("wave/ben-1.jpg")
    catalog = catalog_frames(frames_dir, pattern=r"(?P<video_id>[a-z]+)-(?P<number>\w+)")
    assert list(catalog.frames["frame_number"]) == [7, 8, 1]
    assert sorted(reasons(catalog)) == ["fist/anna-9.gif", "fist/anna-x.png"]


def test_a_link_to_a_folder_is_not_followed(frames_dir, write_frame):
    write_frame("fist/a/1.jpg")
    write_frame("wave/a/1.jpg")
    (frames_dir / "wave/a/loop").symlink_to(frames_dir / "wave")
    catalog = catalog_frames(frames_dir, pattern=r"(?P<video_id>.+)/(?P<number>\d+)")
    assert len(catalog.frames) == 2
    assert reasons(catalog) == {"wave/a/loop": "link to a folder"}


def test_frames_of_nested_folders_are_decoded_completely(frames_dir, write_frame):
    for class_name in ("fist", "wave"):
        write_frame(f"{class_name}/a/1.jpg", height=64, width=64)
    damaged = write_frame("wave/a/2.jpg", height=64, width=64)
    content = damaged.read_bytes()
    damaged.write_bytes(content[: len(content) // 2] + content[-2:])
    catalog = catalog_frames(frames_dir, full_decode=True, pattern=r"(?P<video_id>.+)/(?P<number>\d+)")
    assert list(reasons(catalog)) == ["wave/a/2.jpg"]


def test_a_pattern_matches_both_spellings_of_an_accent(two_classes, write_frame):
    composed, decomposed = "вий", "вии\u0306"
    for spelling, number in ((composed, 1), (decomposed, 2)):
        write_frame(f"{spelling}/clip/{spelling}-{number}.jpg")
    pattern = rf"(?P<video_id>.+)/{composed}-(?P<number>\d+)"
    write_frame(f"wave/clip/{composed}-1.jpg")
    frames = catalog_frames(two_classes, pattern=pattern).frames
    assert frames["class_name"].tolist() == ["wave", composed, composed]
    assert all((two_classes / path).is_file() for path in frames["path"])

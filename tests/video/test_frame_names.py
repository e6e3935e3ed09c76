import pytest

from hand_gestures.video.frame_names import format_frame_name, parse_frame_name


@pytest.mark.parametrize(
    ("file_name", "video_id", "number"),
    [
        ("wave01_frame_7.jpg", "wave01", 7),
        ("wave01_frame_0007.jpg", "wave01", 7),
        ("1_frame_10.jpeg", "1", 10),
        ("a_frame_3_frame_12.jpg", "a_frame_3", 12),
        ("a_frame_b_frame_0.png", "a_frame_b", 0),
        ("my video (2)_frame_5.jpg", "my video (2)", 5),
        ("жест-手_frame_6.png", "жест-手", 6),
        ("v1.2_frame_3.jpg", "v1.2", 3),
    ],
)
def test_the_last_frame_separator_splits_video_id_and_number(file_name, video_id, number):
    assert parse_frame_name(file_name) == (video_id, number)


@pytest.mark.parametrize("extension", ["jpg", "JPG", "Jpg", "jpeg", "JPEG", "png", "PNG", "pNg"])
def test_the_extension_may_have_any_case(extension):
    assert parse_frame_name(f"v_frame_1.{extension}") == ("v", 1)


@pytest.mark.parametrize(
    "file_name",
    [
        "",
        "frame_1.jpg",
        "_frame_1.jpg",
        "v_frame_.jpg",
        "v_frame_x.jpg",
        "v_frame_-1.jpg",
        "v_frame_1.5.jpg",
        "v_frame_1 .jpg",
        "v_frame_1",
        "v_frame_1.gif",
        "v_frame_1.jpg.part",
        "v_frame_1.jpg\n",
        "v-frame-1.jpg",
        "v_frames_1.jpg",
    ],
)
def test_names_that_do_not_match_the_pattern_give_none(file_name):
    assert parse_frame_name(file_name) is None


@pytest.mark.parametrize("video_id", ["v", "a_frame_3", "two words", "手"])
@pytest.mark.parametrize("number", [0, 7, 9999, 12345])
def test_a_formatted_name_parses_to_the_same_parts(video_id, number):
    assert parse_frame_name(format_frame_name(video_id, number)) == (video_id, number)

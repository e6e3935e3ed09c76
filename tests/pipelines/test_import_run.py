"""A small made-up copy of Slovo, with real videos, from its annotations to frames, catalog and split."""

import pandas as pd

from small_videos import write_video


def test_slovo_becomes_frames_with_published_groups_and_splits(kedro, project):
    root = project / "slovo"
    lines = ["attachment_id\ttext\tuser_id\theight\twidth\tlength\ttrain\tbegin\tend"]
    for number in range(12):
        class_name, signer = ("wave", "fist")[number % 2], number // 2
        folder, train = ("train", "True") if signer < 4 else ("test", "False")
        write_video(root / folder / f"id{number}.mp4", frames=30)
        lines.append(f"id{number}\t{class_name}\tsigner{signer}\t48\t64\t20\t{train}\t5\t25")
    lines.append("lost\twave\tsigner0\t48\t64\t20\tTrue\t5\t25")
    (root / "annotations.csv").write_text("\n".join(lines) + "\n")
    folders = f"videos_dir={root},frames_dir={project}/frames,data_root={project}/out"
    slovo = f"{folders},video_ingest.segments={root},video_ingest.segments_format=slovo_original"

    run = kedro("run", "--env", "demo", "--pipeline", "video_ingest", "--params", slovo)
    assert run.returncode == 0, run.stderr
    assert "12 videos ingested, 0 were up to date" in run.stderr
    assert "set split.lists to the path of 02_intermediate/split_lists.csv" in run.stderr
    rejected = pd.read_csv(project / "out/02_intermediate/rejected_videos.csv")
    assert rejected.to_numpy().tolist() == [["train/lost.mp4, row 13 of the segments", "no such video"]]

    tables = project / "out/02_intermediate"
    lists = f"{folders},split.groups={tables}/ingested_videos.csv,split.lists={tables}/split_lists.csv"
    run = kedro(
        "run", "--env", "demo", "--pipeline", "data_processing", "--params", f"{lists},split.group_pattern=null"
    )
    assert run.returncode == 0, run.stderr
    frames = pd.read_parquet(tables / "frame_catalog.parquet")
    assert frames.groupby(["class_name", "video_id"]).size().tolist() == [20] * 12
    assert "wave/train-id0_5-25_frame_0000.jpg" in set(frames["path"])
    split = pd.read_csv(project / "out/03_primary/split.csv")
    assert set(split["group"]) == {f"signer{number}" for number in range(6)}
    assert set(split["group"][split["side"] == "test"]) == {"signer4", "signer5"}
    assert split.groupby("group")["side"].nunique().max() == 1

    run = kedro("run", "--env", "demo", "--pipeline", "check_data", "--params", slovo)
    assert "- layout: a table of 13 segments in 12 readable videos" in run.stdout

"""`check_data` on the command line: it reports and never fails because of the data."""

import pandas as pd

from small_videos import write_video


def test_a_wrong_layout_is_reported_and_the_rejects_are_on_disk(kedro, project):
    for name in ("a", "b"):
        write_video(project / "videos" / f"{name}.mp4")
    folders = f"videos_dir={project}/videos,frames_dir={project}/frames,data_root={project}/out"
    run = kedro("run", "--env", "demo", "--pipeline", "check_data", "--params", folders)
    assert run.returncode == 0, run.stderr
    report = (project / "out/08_reporting/data_check.md").read_text()
    assert "2 videos directly in the folder, without class folders" in report
    assert report in run.stdout
    rejects = pd.read_csv(project / "out/02_intermediate/data_check_rejects.csv")
    assert list(rejects["path"]) == ["a.mp4", "b.mp4"]

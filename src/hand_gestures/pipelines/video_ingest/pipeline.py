"""Videos → frames."""

from kedro.pipeline import Pipeline, node, pipeline

from hand_gestures.pipelines.video_ingest import nodes


def create_pipeline() -> Pipeline:
    """The `video_ingest` pipeline."""
    return pipeline(
        [
            node(
                nodes.ingest,
                inputs=["raw_videos", "params:video_ingest"],
                outputs="raw_frames",
                name="ingest",
            ),
            node(
                nodes.report_ingest,
                inputs=["raw_frames", "raw_videos", "params:video_ingest"],
                outputs=["ingested_videos", "split_lists", "rejected_videos"],
                name="report_ingest",
            ),
        ],
        tags="video_ingest",
    )

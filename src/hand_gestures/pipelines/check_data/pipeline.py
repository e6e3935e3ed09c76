"""Videos and frames → a report about what is understood and what is rejected."""

from kedro.pipeline import Pipeline, node, pipeline

from hand_gestures.pipelines.check_data import nodes


def create_pipeline() -> Pipeline:
    """The `check_data` pipeline."""
    return pipeline(
        [
            node(
                nodes.check,
                inputs=[
                    "raw_videos",
                    "raw_frames",
                    "params:video_ingest",
                    "params:frame_catalog",
                    "params:clips",
                    "params:split",
                ],
                outputs=["data_check", "data_check_rejects"],
                name="check",
            ),
        ],
        tags="check_data",
    )

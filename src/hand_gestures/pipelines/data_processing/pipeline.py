"""Frames → catalog → sequences → split."""

from kedro.pipeline import Pipeline, node, pipeline

from hand_gestures.pipelines.data_processing.nodes import make_sequences, make_split, scan_frames


def create_pipeline() -> Pipeline:
    """The `data_processing` pipeline."""
    return pipeline(
        [
            node(
                scan_frames,
                inputs="raw_frames",
                outputs=["frame_catalog", "rejected_frames"],
                name="scan_frames",
            ),
            node(
                make_sequences,
                inputs=["frame_catalog", "params:clips", "params:split"],
                outputs=["sequences", "class_names"],
                name="make_sequences",
            ),
            node(
                make_split,
                inputs=["sequences", "params:split", "params:seed"],
                outputs=["train_sequences", "val_sequences"],
                name="make_split",
            ),
        ],
        tags="data_processing",
    )

"""Drawn clips, and the compact backbones that know drawn hands."""

from kedro.pipeline import Pipeline, node, pipeline

from hand_gestures.pipelines.sample_data.nodes import render_clips, teach_compact_backbones


def create_pipeline() -> Pipeline:
    """The `sample_data` pipeline; its tags run one of the two alone."""
    return pipeline(
        [
            node(
                render_clips,
                inputs=["params:sample", "params:seed"],
                outputs="sample_frames",
                name="render_clips",
                tags="clips",
            ),
            node(
                teach_compact_backbones,
                inputs=["compact_backbones", "params:compact_backbones", "params:clips", "params:augmentation"],
                outputs="compact_backbones_report",
                name="teach_compact_backbones",
                tags="compact_backbones",
            ),
        ],
        tags="sample_data",
    )

"""Draws the synthetic gesture set."""

from kedro.pipeline import Pipeline, node, pipeline

from hand_gestures.pipelines.sample_data import nodes


def create_pipeline() -> Pipeline:
    """The `sample_data` pipeline."""
    return pipeline(
        [
            node(
                nodes.render_clips,
                inputs=["params:sample", "params:seed"],
                outputs="sample_frames",
                name="render_clips",
                tags="clips",
            ),
        ],
        tags="sample_data",
    )

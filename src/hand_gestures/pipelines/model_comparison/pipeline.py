"""Train several networks and inputs with several seeds on the same HDF5 files, and collect them in one table."""

from kedro.pipeline import Pipeline, node, pipeline

from hand_gestures.pipelines.model_comparison import nodes
from hand_gestures.pipelines.modeling import nodes as modeling


def create_pipeline() -> Pipeline:
    """The `model_comparison` pipeline. It trains many times, so no other pipeline includes it."""
    return pipeline(
        [
            node(
                nodes.average_pixels,
                inputs=["sequences", "raw_frames", "params:comparison"],
                outputs="tiny_pixels",
                name="average_pixels",
            ),
            node(
                modeling.audit_mirrors,
                inputs=["train_embeddings", "split", "params:augmentation"],
                outputs="mirror_audit",
                name="audit_mirrors",
            ),
            node(
                nodes.compare_models,
                inputs=[
                    "train_embeddings",
                    "val_embeddings",
                    "mirror_audit",
                    "split",
                    "tiny_pixels",
                    "comparison_work",
                    "on_trial",
                    "params:network",
                    "params:channels",
                    "params:training",
                    "params:evaluation",
                    "params:comparison",
                    "params:seed",
                ],
                outputs=["comparison_trials", "comparison"],
                name="compare_models",
            ),
            node(nodes.draw_comparison, inputs="comparison_trials", outputs="comparison_plot", name="draw_comparison"),
            node(
                nodes.write_comparison,
                inputs=["comparison", "comparison_plot", "class_names", "params:evaluation", "params:notice"],
                outputs="comparison_report",
                name="write_comparison",
            ),
        ],
        tags="model_comparison",
    )

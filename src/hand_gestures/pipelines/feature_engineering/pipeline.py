"""Sequences → pending embeddings → HDF5, written when the catalog saves them → tables and sheets of found hands."""

from kedro.pipeline import Pipeline, node, pipeline

from hand_gestures.pipelines.feature_engineering import nodes


def create_pipeline() -> Pipeline:
    """The `feature_engineering` pipeline."""
    return pipeline(
        [
            node(
                nodes.fetch_backbones,
                inputs=["params:backbones", "params:landmarks", "params:hands", "params:extraction", "model_commits"],
                outputs="backbone_files",
                name="fetch_backbones",
            ),
            node(
                nodes.write_recipe,
                inputs=[
                    "backbone_files",
                    "class_names",
                    "params:clips",
                    "params:augmentation",
                    "params:hands",
                    "params:extraction",
                    "params:seed",
                ],
                outputs="embedding_recipe",
                name="write_recipe",
            ),
            node(
                nodes.measure_precision,
                inputs=["train_sequences", "raw_frames", "embedding_recipe", "backbone_files", "params:extraction"],
                outputs="precision_error",
                name="measure_precision",
            ),
            node(
                nodes.plan_embeddings,
                inputs=[
                    "train_sequences",
                    "val_sequences",
                    "test_sequences",
                    "raw_frames",
                    "embedding_recipe",
                    "backbone_files",
                    "precision_error",
                    "params:extraction",
                    "frame_digests",
                ],
                outputs=["train_embeddings", "val_embeddings", "test_embeddings"],
                name="plan_embeddings",
            ),
            node(
                nodes.report_hands,
                inputs=["train_embeddings", "val_embeddings", "test_embeddings"],
                outputs=["hand_rates", "hand_detections"],
                name="report_hands",
            ),
            node(
                nodes.draw_hand_sheets,
                inputs=[
                    "sequences",
                    "split",
                    "raw_frames",
                    "train_embeddings",
                    "val_embeddings",
                    "test_embeddings",
                    "params:dataset_report",
                ],
                outputs="hand_sheets",
                name="draw_hand_sheets",
            ),
        ],
        tags="feature_engineering",
    )

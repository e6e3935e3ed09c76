"""Sequences → embeddings and hands → HDF5."""

from kedro.pipeline import Pipeline, node, pipeline

from hand_gestures.pipelines.feature_engineering.nodes import (
    draw_hand_sheets,
    embed,
    fetch_backbones,
    measure_precision,
    report_hands,
    write_recipe,
)


def create_pipeline() -> Pipeline:
    """The `feature_engineering` pipeline."""
    return pipeline(
        [
            node(
                fetch_backbones,
                inputs=["params:backbones", "params:hands"],
                outputs="backbone_files",
                name="fetch_backbones",
            ),
            node(
                write_recipe,
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
                measure_precision,
                inputs=[
                    "train_sequences",
                    "raw_frames",
                    "embedding_recipe",
                    "backbone_files",
                    "params:extraction",
                ],
                outputs="precision_error",
                name="measure_precision",
            ),
            node(
                embed,
                inputs=[
                    "train_sequences",
                    "val_sequences",
                    "test_sequences",
                    "raw_frames",
                    "embedding_recipe",
                    "backbone_files",
                    "precision_error",
                    "params:extraction",
                ],
                outputs=["train_embeddings", "val_embeddings", "test_embeddings"],
                name="embed",
            ),
            node(
                report_hands,
                inputs=["train_embeddings", "val_embeddings", "test_embeddings"],
                outputs=["hand_rates", "hand_detections"],
                name="report_hands",
            ),
            node(
                draw_hand_sheets,
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

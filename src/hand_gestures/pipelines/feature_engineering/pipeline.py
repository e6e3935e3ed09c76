"""Sequences → hands and embeddings → HDF5."""

from kedro.pipeline import Pipeline, node, pipeline

from hand_gestures.pipelines.feature_engineering.nodes import (
    detect_hands,
    embed_test,
    embed_train,
    embed_val,
    fetch_backbones,
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
                detect_hands,
                inputs=[
                    "train_sequences",
                    "val_sequences",
                    "test_sequences",
                    "raw_frames",
                    "embedding_recipe",
                    "backbone_files",
                    "params:extraction",
                ],
                outputs="hand_detections",
                name="detect_hands",
            ),
            node(
                embed_train,
                inputs=[
                    "train_sequences",
                    "raw_frames",
                    "embedding_recipe",
                    "backbone_files",
                    "hand_detections",
                    "params:extraction",
                ],
                outputs="train_embeddings",
                name="embed_train",
            ),
            node(
                embed_val,
                inputs=[
                    "val_sequences",
                    "raw_frames",
                    "embedding_recipe",
                    "backbone_files",
                    "hand_detections",
                    "params:extraction",
                ],
                outputs="val_embeddings",
                name="embed_val",
            ),
            node(
                embed_test,
                inputs=[
                    "test_sequences",
                    "raw_frames",
                    "embedding_recipe",
                    "backbone_files",
                    "hand_detections",
                    "params:extraction",
                ],
                outputs="test_embeddings",
                name="embed_test",
            ),
        ],
        tags="feature_engineering",
    )

"""HDF5 → classifier → metrics and attention statistics."""

from kedro.pipeline import Pipeline, node, pipeline

from hand_gestures.pipelines.modeling import nodes


def create_pipeline() -> Pipeline:
    """The `modeling` pipeline."""
    scoring = ["split", "params:training", "params:evaluation", "params:seed"]
    return pipeline(
        [
            node(
                nodes.describe_embeddings,
                inputs=["train_embeddings", "val_embeddings", "split"],
                outputs="embeddings_description",
                name="describe_embeddings",
            ),
            node(
                nodes.audit_mirrors,
                inputs=["train_embeddings", "split", "params:augmentation"],
                outputs="mirror_audit",
                name="audit_mirrors",
            ),
            node(
                nodes.train,
                inputs=[
                    "train_embeddings",
                    "val_embeddings",
                    "mirror_audit",
                    "training_checkpoint",
                    "on_epoch",
                    "params:network",
                    "params:channels",
                    "params:training",
                    "params:seed",
                ],
                outputs=["classifier", "training_history"],
                name="train",
            ),
            node(
                nodes.record_run,
                inputs=["parameters", "training_history", "mlflow_run"],
                outputs="run_record",
                name="record_run",
            ),
            node(
                nodes.evaluate_validation,
                inputs=["classifier", "val_embeddings", *scoring],
                outputs=[
                    "evaluation",
                    "val_predictions",
                    "per_class",
                    "per_group",
                    "confusion",
                    "channel_attention",
                    "frame_attention",
                    "val_attention",
                ],
                name="evaluate_validation",
            ),
            node(
                nodes.measure_faithfulness,
                inputs=["classifier", "val_embeddings", "params:training", "params:evaluation", "params:seed"],
                outputs="faithfulness",
                name="measure_faithfulness",
            ),
            node(
                nodes.evaluate_test,
                inputs=["classifier", "test_embeddings", *scoring],
                outputs=["test_evaluation", "test_predictions", "test_per_class", "test_per_group"],
                name="evaluate_test",
            ),
            node(
                nodes.register_model,
                inputs=[
                    "classifier",
                    "val_embeddings",
                    "evaluation",
                    "run_record",
                    "mlflow_run",
                    "params:registry",
                    "params:training",
                ],
                outputs="registry_decision",
                name="register_model",
            ),
            node(
                nodes.finish_training,
                inputs=[
                    "training_checkpoint",
                    "training_history",
                    "run_record",
                    "faithfulness",
                    "test_evaluation",
                    "registry_decision",
                ],
                outputs=None,
                name="finish_training",
            ),
        ],
        tags="modeling",
    )

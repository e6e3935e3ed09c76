"""Frames → frame catalog → sequences → split, with a leak audit and reports."""

from kedro.pipeline import Pipeline, node, pipeline

from hand_gestures.pipelines.data_processing import nodes


def create_pipeline() -> Pipeline:
    """The `data_processing` pipeline."""
    return pipeline(
        [
            node(
                nodes.scan_frames,
                inputs=["raw_frames", "params:frame_catalog"],
                outputs=["frame_catalog", "rejected_frames"],
                name="scan_frames",
            ),
            node(
                nodes.make_sequences,
                inputs=["frame_catalog", "params:clips", "params:split"],
                outputs="sequences",
                name="make_sequences",
            ),
            node(
                nodes.make_split,
                inputs=["sequences", "params:split", "params:seed"],
                outputs=["split", "class_names", "train_sequences", "val_sequences", "test_sequences"],
                name="make_split",
            ),
            node(
                nodes.make_folds,
                inputs="split",
                outputs="folds",
                name="make_folds",
            ),
            node(
                nodes.audit_leaks,
                inputs=["sequences", "split", "raw_frames", "params:leak_audit"],
                outputs=["leaks", "split_summary"],
                name="audit_leaks",
            ),
            node(
                nodes.report_dataset,
                inputs=["frame_catalog", "rejected_frames", "sequences", "split", "raw_frames", "params:clips"],
                outputs=["class_summary", "clip_lengths_plot", "class_balance_plot"],
                name="report_dataset",
            ),
            node(
                nodes.draw_contact_sheets,
                inputs=["sequences", "split", "raw_frames", "params:dataset_report"],
                outputs="contact_sheets",
                name="draw_contact_sheets",
            ),
        ],
        tags="data_processing",
    )

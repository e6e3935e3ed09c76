"""The pipelines by name; `kedro run` runs `__default__`."""

from kedro.pipeline import Pipeline

from hand_gestures.pipelines import (
    check_data,
    data_processing,
    feature_engineering,
    model_comparison,
    modeling,
    reporting,
    sample_data,
    video_ingest,
)


def register_pipelines() -> dict[str, Pipeline]:
    """Each pipeline has the name of its folder. `modeling` includes `reporting`, which can also run alone."""
    report = reporting.create_pipeline()
    pipelines = {
        "check_data": check_data.create_pipeline(),
        "data_processing": data_processing.create_pipeline(),
        "feature_engineering": feature_engineering.create_pipeline(),
        "model_comparison": model_comparison.create_pipeline(),
        "modeling": modeling.create_pipeline() + report,
        "reporting": report,
        "sample_data": sample_data.create_pipeline(),
        "video_ingest": video_ingest.create_pipeline(),
    }
    default = pipelines["data_processing"] + pipelines["feature_engineering"] + pipelines["modeling"]
    return {**pipelines, "__default__": default}

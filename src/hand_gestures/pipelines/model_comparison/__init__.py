from hand_gestures.pipelines.model_comparison.pipeline import create_pipeline

__all__ = ["create_pipeline"]

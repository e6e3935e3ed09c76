from hand_gestures.pipelines.modeling.pipeline import create_pipeline

__all__ = ["create_pipeline"]

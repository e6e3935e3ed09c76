from hand_gestures.pipelines.check_data.pipeline import create_pipeline

__all__ = ["create_pipeline"]

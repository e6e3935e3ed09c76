from hand_gestures.pipelines.sample_data.pipeline import create_pipeline

__all__ = ["create_pipeline"]

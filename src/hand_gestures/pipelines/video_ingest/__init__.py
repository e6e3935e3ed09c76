from hand_gestures.pipelines.video_ingest.pipeline import create_pipeline

__all__ = ["create_pipeline"]

"""From embeddings on disk to a trained and evaluated classifier; knows neither Kedro nor MLflow."""

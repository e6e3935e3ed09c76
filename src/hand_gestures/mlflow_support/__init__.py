"""Everything that knows MLflow: the run around a Kedro run, what is logged, the model registry and the served model."""

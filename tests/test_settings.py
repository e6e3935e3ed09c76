from pathlib import Path

import pytest
import yaml
from kedro.config import OmegaConfigLoader

from hand_gestures import settings

ROOT = Path(__file__).parents[1]


@pytest.fixture
def config(monkeypatch):
    """Reads the project's configuration with its settings."""
    monkeypatch.delenv("TRACKING_URI", raising=False)
    return lambda name: OmegaConfigLoader(str(ROOT / "conf"), **settings.CONFIG_LOADER_ARGS)[name]


def test_an_environment_variable_sets_where_runs_are_tracked(config, monkeypatch):
    assert config("mlflow")["server"]["mlflow_tracking_uri"] == "sqlite:///mlflow.db"
    service = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]["train"]
    for name, value in service["environment"].items():
        monkeypatch.setenv(name, value or "")
    assert config("mlflow")["server"]["mlflow_tracking_uri"] == "http://mlflow:5000"


def test_a_store_that_mlflow_was_pointed_to_is_not_the_store_of_the_project(config, monkeypatch):
    import mlflow

    before = mlflow.get_tracking_uri()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "")  # monkeypatch restores it: MLflow sets it
    mlflow.set_tracking_uri("sqlite:///elsewhere.db")
    assert config("mlflow")["server"]["mlflow_tracking_uri"] == "sqlite:///mlflow.db"
    mlflow.set_tracking_uri(before)


def test_an_environment_variable_sets_the_path_of_the_compact_backbones(config, monkeypatch):
    assert config("globals")["compact_backbones"] == "data/06_models/compact_backbones"
    monkeypatch.setenv("COMPACT_BACKBONES", "/app/compact_backbones")
    assert config("globals")["compact_backbones"] == "/app/compact_backbones"

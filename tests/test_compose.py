"""compose.yaml and compose.gpu.yaml. docker/test.sh tests that the image runs with these settings."""

import re
import subprocess
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
FILES = [ROOT / "compose.yaml", ROOT / "compose.gpu.yaml"]
BASE, GPU = (yaml.safe_load(file.read_text())["services"] for file in FILES)
OWN = {name: service for name, service in BASE.items() if service["image"] == "hand-gestures"}
# fmt: off
COMPOSE_KEYS = {
    "cap_drop", "depends_on", "deploy", "entrypoint", "environment", "healthcheck", "image", "ports", "profiles",
    "pull_policy", "read_only", "restart", "security_opt", "shm_size", "tmpfs", "user", "volumes",
}
# fmt: on


def test_a_service_has_only_compose_keys():
    for service in [*BASE.values(), *GPU.values()]:
        assert set(service) <= COMPOSE_KEYS


def test_docker_compose_accepts_both_files():
    if subprocess.run(["docker", "compose", "version"], capture_output=True, check=False).returncode:
        pytest.skip("Docker Compose is not installed here")
    files = [word for file in FILES for word in ("--file", str(file))]
    command = ["docker", "compose", *files, "--profile", "*", "config", "--quiet"]
    assert subprocess.run(command, capture_output=True, text=True, check=False).stderr == ""


def test_every_port_is_on_loopback():
    ports = [port for service in BASE.values() for port in service.get("ports", [])]
    assert len(ports) == 2
    assert all(re.fullmatch(r"127\.0\.0\.1:\d+:\d+", port) for port in ports)


def test_a_secret_comes_only_from_the_environment():
    variables = [item for service in BASE.values() for item in service.get("environment", {}).items()]
    secrets = {name: value for name, value in variables if re.search("PASSWORD|TOKEN|SECRET|KEY", name)}
    assert set(secrets) == {"HF_TOKEN", "PGPASSWORD", "POSTGRES_PASSWORD"}
    assert all(value is None or re.fullmatch(r"\$\{\w+:-\}", value) for value in secrets.values())
    assert not re.search(r"://[^\s/]+@", "".join(file.read_text() for file in FILES))


def test_every_long_running_service_has_a_health_check():
    long_running = {name for name, service in BASE.items() if "restart" in service}
    assert long_running == {"mlflow", "viz", "postgres"}
    assert long_running == {name for name, service in BASE.items() if "healthcheck" in service}


def test_a_service_starts_after_its_dependencies_are_healthy():
    dependencies = [item for service in BASE.values() for item in service.get("depends_on", {}).items()]
    assert {name for name, _ in dependencies} == {"mlflow", "postgres"}
    assert all(item["condition"] == "service_healthy" and name in BASE for name, item in dependencies)


def test_volumes_are_the_world_writable_folders_of_the_image():
    (writable,) = re.findall(r"install -d -m 1777 (.+)", (ROOT / "Dockerfile").read_text())
    folders = {f"/app/{name}" for name in writable.split()}
    mounted = {volume.split(":")[1] for service in OWN.values() for volume in service["volumes"]}
    assert mounted == folders


def test_own_services_run_without_privileges():
    assert set(OWN) == {"mlflow", "train", "viz"}
    for service in OWN.values():
        assert service["read_only"]
        assert service["cap_drop"] == ["ALL"]
        assert service["user"] == "${RUN_AS:-10001:10001}"


def test_the_gpu_file_adds_only_the_devices():
    assert {name: set(service) for name, service in GPU.items()} == {"train": {"deploy"}}

"""compose.yaml and compose.gpu.yaml. docker/test.sh tests that the image runs with these settings."""

import re
import subprocess
from importlib.metadata import distribution
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
FILES = [ROOT / "compose.yaml", ROOT / "compose.gpu.yaml"]
BASE, GPU = (yaml.safe_load(file.read_text())["services"] for file in FILES)
OWN = {name: service for name, service in BASE.items() if service["image"] == "hand-gestures"}
DOCKERFILE = (ROOT / "Dockerfile").read_text()
# fmt: off
COMPOSE_KEYS = {
    "cap_drop", "depends_on", "deploy", "entrypoint", "environment", "healthcheck", "image", "mem_limit", "pids_limit",
    "ports", "profiles", "pull_policy", "read_only", "restart", "security_opt", "shm_size", "tmpfs", "user", "volumes",
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


def test_every_service_is_hardened_and_limited():
    assert set(BASE) == {*OWN, "postgres"}
    for name, service in BASE.items():
        assert service["read_only"], name
        assert "/tmp" in service["tmpfs"], name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert not service["user"].startswith(("0", "root")), name
        assert re.fullmatch(r"\$\{[A-Z]+_MEMORY:-\d+g\}", service["mem_limit"]), name
        assert 0 < service["pids_limit"] <= 4096, name


def test_the_database_writes_only_to_its_volume_its_socket_and_temporary_files():
    postgres = BASE["postgres"]
    assert postgres["user"] == "999:999"  # without capabilities the image cannot become this user itself
    assert postgres["tmpfs"] == ["/tmp", "/run/postgresql"]
    assert postgres["volumes"] == ["postgres:/var/lib/postgresql/data"]


def test_images_of_other_publishers_are_pinned_by_digest():
    foreign = [service["image"] for service in BASE.values() if service["image"] != "hand-gestures"]
    foreign += re.findall(r"^ARG PYTHON_IMAGE=(.+)$", DOCKERFILE, re.MULTILINE)
    assert len(foreign) == 2
    for image in foreign:
        assert re.fullmatch(r"[a-z]+:[\w.-]+@sha256:[0-9a-f]{64}", image)


def test_the_label_of_the_image_has_the_licences_of_what_its_packages_contain():
    (label,) = re.findall(r'image\.licenses="(.+)"', DOCKERFILE)
    licences = label.split(" AND ")
    locked = (ROOT / "requirements.txt").read_text()
    contained = [{"Apache-2.0"}]
    if re.search("^ultralytics==", locked, re.MULTILINE):
        contained.append({"AGPL-3.0-only"})
    if re.search("^nvidia-", locked, re.MULTILINE):
        contained.append({"LicenseRef-NVIDIA-Proprietary"})
    libraries = {file.name.split("-")[0] for file in distribution("av").files or [] if file.parent.name == "av.libs"}
    if libraries & {"libx264", "libx265"}:
        contained.append({"GPL-2.0-or-later"})
    if "libavcodec" in libraries:
        contained.append({"LGPL-3.0-or-later"})
    assert set(licences) == set().union(*contained)
    page = (ROOT / "docs/licences.md").read_text()
    assert all(licence in page for licence in licences if not licence.startswith("LicenseRef"))


def test_the_gpu_file_adds_only_the_devices():
    assert {name: set(service) for name, service in GPU.items()} == {"train": {"deploy"}}

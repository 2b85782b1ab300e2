"""Half a configuration of several machines is one clear error: no server is asked for these."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from dagster._serdes import ConfigurableClassData

from code_index_assets.errors import ConfigurationError
from code_index_assets.settings import Settings

pytest.importorskip("dagster_postgres", reason="needs the extra `servers`")
pytest.importorskip("dagster_docker", reason="needs the extra `servers`")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is not set"),
        ("db:5432", "is not the address of a database"),
        ("mysql://user:secret@db/dagster", "begins with mysql://"),
        ("postgresql://db:5432/dagster", "has no username"),
        ("postgresql://user:secret@db:5432", "has no database"),
        ("postgresql://user:secret@db:port/dagster", "is not the address of a database"),
    ],
)
def test_half_an_address_of_postgres(text: str, said: str) -> None:
    from code_index_assets.assets.postgres_storage import checked_address

    with pytest.raises(ConfigurationError) as raised:
        checked_address(text)
    assert said in raised.value.message and "secret" not in str(raised.value) and raised.value.remedy


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "CODE_INDEX_RUN_IMAGE and CODE_INDEX_RUN_VOLUMES is not set"),
        ({"run_image": "code-index"}, "CODE_INDEX_RUN_VOLUMES is not set"),
        ({"run_image": "code-index", "run_volumes": "data"}, "names no place in the container"),
    ],
)
def test_half_a_container(given: dict[str, str], said: str) -> None:
    from code_index_assets.workers.container_launcher import container_options

    with pytest.raises(ConfigurationError) as raised:
        container_options(Settings().model_copy(update=given))
    assert said in raised.value.message and raised.value.remedy


def test_a_container_has_a_read_only_root_and_no_capabilities() -> None:
    from code_index_assets.workers.container_launcher import container_options

    options = container_options(Settings(run_image="code-index", run_volumes="code-index-data:/data, keys:/keys:ro"))
    assert options["volumes"] == ["code-index-data:/data", "keys:/keys:ro"]
    assert options["read_only"] and options["cap_drop"] == ["ALL"]
    assert options["healthcheck"] == {"test": ["NONE"]}  # the check of the image asks a search server


def test_a_run_gets_every_setting_and_no_other_variable() -> None:
    from code_index_assets.workers.container_launcher import passed_on

    environment = {"CODE_INDEX_DATA": "/data", "CODE_INDEX_GIT_TOKEN_GITHUB_COM": "t", "PATH": "/bin", "AWS_KEY": "k"}
    assert passed_on(environment) == ["CODE_INDEX_DATA", "CODE_INDEX_GIT_TOKEN_GITHUB_COM", "DAGSTER_HOME"]


def test_a_docker_socket_that_is_missing_or_silent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from code_index_assets.workers.container_launcher import ContainerRunLauncher

    monkeypatch.setenv("CODE_INDEX_RUN_IMAGE", "code-index")
    monkeypatch.setenv("CODE_INDEX_RUN_VOLUMES", "data:/data")
    data = ConfigurableClassData("code_index_assets.workers.container_launcher", "ContainerRunLauncher", "{}")
    missing = tmp_path / "docker.sock"
    for said in (f"there is no Docker socket at {missing}", "does not answer"):
        monkeypatch.setenv("DOCKER_HOST", f"unix://{missing}")
        launcher = ContainerRunLauncher.from_config_value(data, {})
        with pytest.raises(ConfigurationError, match="no run can be started") as raised:
            launcher._get_client(type("Context", (), {"registry": None})())
        assert said in raised.value.message
        missing.write_text("")  # there, and no engine behind it
    assert os.environ["DOCKER_HOST"]


def test_files_of_the_deployment_can_be_read_and_name_one_version() -> None:
    """Kubernetes' schemas are not at hand: this is all that is known of those files."""
    import yaml

    deploy = Path(__file__).resolve().parents[2] / "deploy"
    documents = [
        document
        for file in [*deploy.glob("*.yaml"), *deploy.glob("kubernetes/*.yaml")]
        for document in yaml.safe_load_all(file.read_text())
    ]
    kinds = {document["kind"] for document in documents if "kind" in document}
    assert kinds == {"PersistentVolumeClaim", "Deployment", "Service"}
    compose = yaml.safe_load((deploy / "compose.yaml").read_text())["services"]
    ours = ("code-location", "webserver", "daemon", "search")
    assert all(compose[name]["read_only"] and compose[name]["cap_drop"] == ["ALL"] for name in ours)
    assert [name for name, one in compose.items() if "docker.sock" in str(one.get("volumes"))] == ["daemon"]


def test_an_image_for_cpus_with_a_cuda_torch_is_refused() -> None:
    import importlib.util

    file = Path(__file__).resolve().parents[2] / "deploy" / "image_requirements.py"
    spec = importlib.util.spec_from_file_location("image_requirements", file)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert "CUDA 13.0 build" in module.torch_fault("cpu", "13.0") and "CPU build" in module.torch_fault("cuda", None)
    assert module.torch_fault("cpu", None) == module.torch_fault("cuda", "13.0") == ""
    lines = module.requirements(file.parents[1] / "pyproject.toml", ["servers"])
    assert any(line.startswith("dagster-postgres") for line in lines) and "torch==2.13.0" in lines

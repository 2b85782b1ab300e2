"""Half a configuration of several machines is one clear error: no server is asked for these."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

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
        container_options(Settings(**given))
    assert said in raised.value.message and raised.value.remedy


def test_a_container_has_a_read_only_root_and_no_capabilities() -> None:
    from code_index_assets.workers.container_launcher import container_options

    options = container_options(Settings(run_image="code-index", run_volumes="code-index-data:/data, keys:/keys:ro"))
    assert options["volumes"] == ["code-index-data:/data", "keys:/keys:ro"]
    assert options["read_only"] and options["cap_drop"] == ["ALL"]


def test_a_run_gets_every_setting_and_no_other_variable() -> None:
    from code_index_assets.workers.container_launcher import passed_on

    environment = {"CODE_INDEX_DATA": "/data", "CODE_INDEX_GIT_TOKEN_GITHUB_COM": "t", "PATH": "/bin", "AWS_KEY": "k"}
    assert passed_on(environment) == ["CODE_INDEX_DATA", "CODE_INDEX_GIT_TOKEN_GITHUB_COM", "DAGSTER_HOME"]


def test_a_docker_socket_that_is_missing_or_silent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from code_index_assets.workers.container_launcher import ContainerRunLauncher

    monkeypatch.setenv("CODE_INDEX_RUN_IMAGE", "code-index")
    monkeypatch.setenv("CODE_INDEX_RUN_VOLUMES", "data:/data")
    missing = tmp_path / "docker.sock"
    for said in (f"there is no Docker socket at {missing}", "does not answer"):
        monkeypatch.setenv("DOCKER_HOST", f"unix://{missing}")
        launcher = ContainerRunLauncher.from_config_value(None, {})
        with pytest.raises(ConfigurationError, match="no run can be started") as raised:
            launcher._get_client(type("Context", (), {"registry": None})())
        assert said in raised.value.message
        missing.write_text("")  # there, and no engine behind it
    assert os.environ["DOCKER_HOST"]

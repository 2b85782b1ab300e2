"""Planted secrets reach no artifact, no cache, no log, no metadata and no answer."""

from __future__ import annotations

from pathlib import Path

from chains import Chain, DagsterChain, GitRepository
from stored import everything_in

# Built here, so that this file itself holds no secret.
KEYS = {
    "aws": "AKIA" + "Z7GXNKDVU4PLMHBV",
    "github": "ghp_" + "q7Xw2LmP9zRtYvB4nKc8HsJd3FgA6eWu1TiO",
    "slack": "xoxb-" + "238947561029-" + "4857261930485-" + "pGrXt2uLoMaNdVgEjKsZhCvB",
    "stripe": "sk_live_" + "51Hq8ZkLmNpQrStUvWxYzAbCd",
    "password": "vK7!rm2W&" + "Qz91xLpd",
    "escaped": "Rk29vTq" + "8LmZx4Wd",
    "xml": "p7YhN3" + "xQv9sKdE",
    "name": "ghp_" + "t5Yk2NmQ8xWvZ7rLb4PsJd9Hc3FgA6eUu1Ri",
    "pem": "MIIEpAIBAAKCAQEAx" + "9vQ2mLk8RtY7wPzN4cB1hJ6sD3fG5eA0uTiOpGrXt2uLoM",
}
FILES = {
    "config.py": f'AWS_ACCESS_KEY_ID = "{KEYS["aws"]}"\nGITHUB_TOKEN = "{KEYS["github"]}"\n\n\ndef connect():\n    return 1\n',
    "notify.js": f'const slackToken = "{KEYS["slack"]}";\nconst stripe = "{KEYS["stripe"]}";\nexport function send() {{ return slackToken; }}\n',
    "db.yaml": f"url: postgres://admin:{KEYS['password']}@db.example.org/prod\n",
    "test_key.go": "package a\n\nvar key = `-----BEGIN RSA PRIVATE KEY-----\n"
    + KEYS["pem"]
    + "\n-----END RSA PRIVATE KEY-----`\n",
    ".env": f"SECRET={KEYS['github']}\n",
    "id_rsa": f"-----BEGIN OPENSSH PRIVATE KEY-----\n{KEYS['pem']}\n-----END OPENSSH PRIVATE KEY-----\n",
    "settings.json": '{"body": "{\\"password\\": \\"' + KEYS["escaped"] + '\\"}"}\n',
    "Web.xml": f'<add key="DbPassword" value="{KEYS["xml"]}" />\n',
    f"dump-{KEYS['name']}.py": "def dumped():\n    return 1\n",
    "app.py": "def main():\n    return 'nothing to hide'\n",
}


def test_planted_secrets_are_found_nowhere(dagster_chain: DagsterChain, repository: GitRepository) -> None:
    """Through Dagster, whose records are looked through too."""
    from code_index_assets.analytics.catalog import build_catalog
    from code_index_assets.progress import Stages

    chain = dagster_chain
    repository.commit(FILES)
    chain.register(repository.path, "leaky")
    result = chain.index("leaky")
    build_catalog(chain.layout, chain.settings, Stages())

    stored = everything_in(chain.data) + everything_in(Path(chain.instance.root_directory))
    for name, secret in KEYS.items():
        assert secret.encode() not in stored, name
    assert b"nothing to hide" in stored
    files = chain.facts(result, "file_hashes")
    assert files["left_out"]["credential_file"] == 2
    assert files["left_out"]["secret_in_name"] == 1
    assert sum(files["secrets"].values()) >= 6
    answers = repr(chain.published())
    assert "[removed: " in answers
    assert not any(secret in answers for secret in KEYS.values())


def test_purge_takes_a_file_out_of_everything(chain: Chain, repository: GitRepository) -> None:
    from code_index_assets.index.backends.choice import make_backend
    from code_index_assets.index.generations import Retention, prune_generations
    from code_index_assets.index.maintenance import compact
    from code_index_assets.operations.retention import remove_unnamed

    marker = "an unusual marker nobody else writes"
    repository.commit({"secret_notes.md": f"# Notes\n\n{marker}\n", "app.py": FILES["app.py"]})
    chain.register(repository.path, "leaky")
    chain.index("leaky")
    assert marker.encode() in everything_in(chain.data)

    chain.registry.exclude("leaky", ["secret_notes.md"])
    chain.index("leaky")
    space, dimension = chain.snapshot().space, chain.snapshot().manifest.dimension
    backend = make_backend(chain.layout, chain.settings, space, dimension)
    compact(backend, chain.layout, space, changed_share=-1.0)
    prune_generations(backend, chain.layout, space, Retention(1, 0.0))
    import shutil

    shutil.rmtree(chain.data / "pins")
    remove_unnamed(chain.layout)

    assert marker.encode() not in everything_in(chain.data)
    assert {str(p["path"]) for p in chain.published().values()} == {"app.py"}

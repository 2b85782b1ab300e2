"""Secrets: every rule finds its kind, what only looks like one is let through, and nothing is left after removal.

No secret stands in this file: samples are put together at run time.
"""

from __future__ import annotations

import base64
import json
import random
import re
import string
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from code_index_assets.sources.secrets import commands as secret_commands
from code_index_assets.sources.secrets import scan as secrets
from code_index_assets.sources.secrets.scan import rule_ids, scan, scan_many, secret_rules_version
from code_index_assets.sources.secrets.values import is_password
from code_index_assets.sources.text import redact

HEX, UPPER, ALNUM = "0123456789abcdef", string.ascii_uppercase + "234567", string.ascii_letters + string.digits


def chars(count: int, alphabet: str = ALNUM, seed: int = 7) -> str:
    return "".join(random.Random(seed).choices(alphabet, k=count))


def pem(kind: str = "RSA ", end: bool = True, lines: int = 20) -> str:
    body = "\n".join(chars(64, ALNUM + "+/", seed) for seed in range(lines))
    return f"-----BEGIN {kind}PRIVATE KEY-----\n{body}\n" + (f"-----END {kind}PRIVATE KEY-----" if end else "")


SAMPLES: dict[str, Callable[[], str]] = {
    "private-key": lambda: pem(),
    "private-key-part": lambda: pem(end=False),
    "aws-access-key": lambda: "AKIA" + chars(16, UPPER),
    "aws-secret-key": lambda: 'aws_secret_access_key = "' + chars(40, ALNUM + "/+") + '"',
    "gcp-api-key": lambda: "AIza" + chars(35),
    "gcp-oauth-secret": lambda: "GOCSPX-" + chars(28),
    "gcp-oauth-token": lambda: "ya29." + chars(80),
    "azure-storage-key": lambda: "AccountName=a;AccountKey=" + chars(86) + "==;EndpointSuffix=core.windows.net",
    "azure-client-secret": lambda: "'" + chars(3) + "8Q~" + chars(34) + "'",
    "azure-shared-access": lambda: "Endpoint=sb://x/;SharedAccessKeyName=n;SharedAccessKey=" + chars(43) + "=",
    "github-token": lambda: "ghp_" + chars(36),
    "github-fine-grained-token": lambda: "github_pat_" + chars(22) + "_" + chars(59),
    "gitlab-token": lambda: "glpat-" + chars(20),
    "slack-token": lambda: "xoxb-" + chars(12, string.digits) + "-" + chars(24),
    "slack-webhook": lambda: "https://hooks.slack.com/services/T" + chars(8, UPPER) + "/B" + chars(8, UPPER) + "/" + chars(24),
    "stripe-key": lambda: "sk_live_" + chars(24),
    "npm-token": lambda: "npm_" + chars(36),
    "pypi-token": lambda: "pypi-AgEIcHlwaS5vcmc" + chars(80),
    "openai-key": lambda: "sk-proj-" + chars(60),
    "anthropic-key": lambda: "sk-ant-api03-" + chars(93),
    "hugging-face-token": lambda: "hf_" + chars(34, string.ascii_letters),
    "voyage-key": lambda: 'VOYAGE_API_KEY = "pa-' + chars(43) + '"',
    "twilio-key": lambda: "SK" + chars(32, HEX),
    "sendgrid-key": lambda: "SG." + chars(22) + "." + chars(43),
    "mailgun-key": lambda: 'mailgun_key = "key-' + chars(32, HEX) + '"',
    "mailchimp-key": lambda: chars(32, HEX) + "-us12",
    "telegram-bot-token": lambda: "'" + "1" + chars(8, string.digits) + ":AA" + chars(33) + "'",
    "discord-token": lambda: 'discord_bot("M' + chars(25) + "." + chars(6) + "." + chars(30) + '")',
    "discord-webhook": lambda: "https://discord.com/api/webhooks/1" + chars(17, string.digits) + "/" + chars(68),
    "shopify-token": lambda: "shpat_" + chars(32, HEX),
    "digitalocean-token": lambda: "dop_v1_" + chars(64, HEX),
    "datadog-key": lambda: "datadog_api_key: " + chars(32, HEX),
    "new-relic-key": lambda: "NRAK-" + chars(27, string.ascii_uppercase + string.digits),
    "grafana-token": lambda: "glsa_" + chars(32) + "_" + chars(8, HEX),
    "sentry-token": lambda: "sntryu_" + chars(64, HEX),
    "heroku-key": lambda: "HRKU-" + chars(40),
    "cloudflare-token": lambda: "CLOUDFLARE_API_TOKEN=" + chars(40),
    "databricks-token": lambda: "dapi" + chars(32, HEX),
    "docker-token": lambda: "dckr_pat_" + chars(27),
    "vault-token": lambda: "hvs." + chars(90),
    "terraform-cloud-token": lambda: chars(14) + ".atlasv1." + chars(67),
    "linear-key": lambda: "lin_api_" + chars(40),
    "notion-token": lambda: "ntn_" + chars(46),
    "square-token": lambda: "sq0csp-" + chars(43),
    "facebook-token": lambda: "EAAC" + chars(120),
    "atlassian-token": lambda: "ATATT3" + chars(180),
    "artifactory-token": lambda: "AKCp" + chars(69),
    "age-secret-key": lambda: "AGE-SECRET-KEY-1" + chars(58, "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L"),
    "jwt": lambda: "eyJ" + chars(30) + ".eyJ" + chars(80) + "." + chars(43),
    "authorization-header": lambda: 'Authorization: "Bearer ' + chars(40) + '"',
    "data-source-password": lambda: "app:" + chars(14) + "@tcp(127.0.0.1:3306)/db",
    "url-token": lambda: "https://" + chars(32) + "@git.prod.internal/a.git",
    "command-line-password": lambda: "mysql -uroot -p" + chars(14),
    "sql-password": lambda: "CREATE USER a IDENTIFIED BY '" + chars(14) + "';",
    "kubernetes-secret": lambda: "kind: Secret\ndata:\n  anything: " + chars(24),
    "json-web-key": lambda: '{"kty": "EC", "d": "' + chars(43) + '"}',
    "registry-login": lambda: '{"auths": {"r": {"auth": "' + base64.b64encode(b"app:" + chars(14).encode()).decode() + '"}}}',
    "client-key": lambda: "client-key-data: " + chars(200),
    "password-hash": lambda: "admin:$apr1$" + chars(8) + "$" + chars(22),
    "airtable-token": lambda: "pat" + chars(14) + "." + chars(64, HEX),
    "url-password": lambda: "postgres://app:" + chars(12) + "@db1.prod.internal:5432/main",
    "connection-string": lambda: "Server=sql1;Database=main;User Id=app;Password=" + chars(12) + ";",
    "assigned-secret": lambda: 'client_secret = "' + chars(40) + '"',
    "assigned-password": lambda: 'db_password: "g7#Kq' + chars(6) + '"',
}  # fmt: skip

WORD_ONLY = re.compile(r"[\w.-]+")
# Another rule finds the same text and may stand for it.
OTHERS = {
    "registry-login",
    "client-key",
    "aws-secret-key",
    "private-key-part",
    "json-web-key",
    "data-source-password",
    "authorization-header",
    "cloudflare-token",
    "datadog-key",
    "voyage-key",
    "mailgun-key",
    "connection-string",
    "azure-shared-access",
    "assigned-secret",
}


def test_every_rule_of_ours_has_a_sample() -> None:
    made = {form.id for form in secrets._load().formats}
    assert secret_commands.AIRTABLE in rule_ids()
    assert set(rule_ids()) - made <= set(SAMPLES) <= set(rule_ids())


@pytest.mark.parametrize("rule", sorted(SAMPLES))
def test_each_rule_finds_its_kind_and_none_is_left_after_removal(rule: str) -> None:
    for surround in ("{}", "x = 1\né = '{}'\nend\n", 'config = {{"k": "{}"}}\n'):
        sample = SAMPLES[rule]()
        if not WORD_ONLY.fullmatch(sample) and surround != "{}":
            surround = "# é\n{}\nend\n"
        text = surround.format(sample)
        found = scan(text)
        assert found, surround
        assert rule in {f.rule for f in found} or rule in OTHERS, (surround, found)
        assert text[: found[0].start].count("\n") + 1 == found[0].line
        clean = redact(text, [vars(f) for f in found])
        assert scan(clean) == []
        assert clean.count("\n") == text.count("\n")
        core = max("".join(c if c.isalnum() else " " for c in text[found[0].start : found[0].end]).split(), key=len)
        assert core not in clean


HARMLESS = [
    'password = os.environ["DB_PASSWORD"]', "api_key: ${API_KEY}", 'token = "your-token-goes-here-12345"',
    'secret = getSecret("projects/x/secrets/y")', 'const tokenType = "AccessTokenExpiredError"',
    '"integrity": "sha512-' + chars(86) + '=="', 'sha256 = "' + chars(64, HEX) + '"', "commit: " + chars(40, HEX),
    'id = "123e4567-e89b-12d3-a456-426614174000"', "ssh-rsa AAAAB3NzaC1yc2E" + chars(300), 'password: "password123!"',
    "-----BEGIN PRIVATE KEY-----", 'if (line.startsWith("-----BEGIN RSA PRIVATE KEY-----")) { return parse(line); }',
    "https://user:password@example.com/x", "http://localhost:8080/@user", "postgres://user:${PASS}@host/db",
    "https://github.com/a/b/blob/main/c.py#L10@x", 'token_url = "https://oauth.host.io/v2/token/abc123def456ghi789"',
    'public_key = "' + chars(44) + '"', 'nextPageToken = "CAESBggDEgIIAhIKCgYIBBICCAM"', "git@github.com:owner/name.git",
    'msg = "the secret of happiness is 42 things, and a token of it"', 'csrf_token_name = "csrf_token_2"',
    'accessKeyId = "<access-key-id-from-the-console>"', "eyJhbGciOi...", "sk-learn-2024-tutorial-notes", "task-sk_live_x",
]  # fmt: skip


@pytest.mark.parametrize("text", HARMLESS)
def test_what_only_looks_like_a_secret_is_let_through(text: str) -> None:
    assert scan(text) == []


def test_an_encrypted_key_with_headers_is_a_key() -> None:
    head, body = pem().split("\n", 1)
    text = f"{head}\nProc-Type: 4,ENCRYPTED\nDEK-Info: DES-EDE3-CBC,9E1B2C3D4E5F6071\n\n{body}\n"
    (found,) = scan(text)
    assert (found.rule, found.start, found.end) == ("private-key", 0, len(text) - 1)


def test_keys_inside_strings_of_code_are_found_whole() -> None:
    joined = pem("", lines=6).replace("\n", "\\n")
    text = f'{{"private_key": "{joined}\\n", "x": 1}}'
    (found,) = scan(text)
    assert text[found.start : found.end] == joined
    java = 'String KEY =\n    "' + pem("EC ", lines=4).replace("\n", '\\n" +\n    "') + '";\n'
    clean = redact(java, [vars(f) for f in scan(java)])
    assert clean.count("\n") == java.count("\n")
    assert chars(64, ALNUM + "+/", 2) not in clean


def test_a_batch_finds_what_single_scans_find() -> None:
    texts = [f"é{sample()}\n" * 2 for sample in SAMPLES.values()] + ["", "nothing"]
    assert scan_many(texts) == [scan(text) for text in texts]


def test_a_long_line_does_not_take_for_ever_and_is_searched_to_its_end() -> None:
    key = SAMPLES["github-token"]()
    text = "token:'" * 2_000 + "://a" * 2_000 + " " + key
    assert [f.rule for f in scan(text)] == ["github-token"]


# -- the spelling around a value does not decide ----------------------------------------------------------------

SPELLINGS = {
    "a.yaml": ["password: {v}", 'password: "{v}"', "'db_password': '{v}'", "password: |\n  {v}\nport: 3", "passwords:\n  - {v}", "- name: DB_PASSWORD\n  value: {v}", "db: {{user: a, password: {v}}}"],
    "a.properties": ["spring.datasource.password={v}", "app.secret-key: {v}"],
    "a.ini": ["[db]\npassword = {v}", "host1 ansible_user=root ansible_become_pass={v}"],
    "a.json": ['{{"password": "{v}"}}', '{{"name": "DB_PASSWORD", "value": "{v}"}}', '{{"passwords": ["{v}"]}}'],
    "a.xml": ['<add key="DbPassword" value="{v}" />', '<string name="api_password">{v}</string>', "<password>{v}</password>", '<key>Password</key>\n<string>{v}</string>'],
    "a.sh": ["export DB_PASSWORD={v}", "curl -u admin:{v} https://h", "mysql -u root -p{v} db", "tool --password {v} run", "sshpass -p '{v}' ssh h", "PGPASSWORD={v} psql"],
    "a.py": ['password = "{v}"', 'connect(host="h", password="{v}")', 'os.environ.get("DB_PASSWORD", "{v}")', 'D["password"] = "{v}"'],
    "a.java": ['ds.setPassword("{v}");', 'props.put("password", "{v}");', 'static final String DB_PASSWORD = "{v}";'],
    "a.rs": ['const DB_PASSWORD: &str = "{v}";'],
    "a.h": ['#define DB_PASSWORD "{v}"'],
    "a.php": ["define('DB_PASSWORD', '{v}');"],
    "a.sql": ["CREATE USER a IDENTIFIED BY '{v}';", "ALTER ROLE a PASSWORD '{v}';"],
    "a.tf": ['variable "db_password" {{\n  default = "{v}"\n}}'],
    "Dockerfile": ["ENV DB_PASSWORD {v}"],
    "a.cs": ['"Data Source=s;User ID=u;Password={v};"'],
    "a.md": ["postgres://app:{v}@db1.prod.internal/main"],
}  # fmt: skip
QUOTED = re.compile(r"\"\{v\}\"|'\{v\}'")


def is_random(value: str) -> bool:
    return all(sum(map(kind, value)) >= 3 for kind in (str.isdigit, str.isupper, str.islower)) and is_password(
        value.encode(), quoted=False
    )


LETTERS = st.text(string.ascii_letters + string.digits, min_size=16, max_size=40).filter(is_random)


@given(
    st.sampled_from([(file, text) for file, texts in SPELLINGS.items() for text in texts]), LETTERS, st.integers(0, 2)
)
def test_no_spelling_lets_a_value_through(spelling: tuple[str, str], value: str, layers: Any) -> None:
    """Any spelling, any value, as it is or inside one or two layers of JSON."""
    file, text = spelling
    text = f"# head\n{text.format(v=value)}\n"
    for _ in range(layers if file not in {"a.sh", "a.md", "Dockerfile"} else 0):
        text = json.dumps({"body": text, "n": 1})
    clean = redact(text, [vars(f) for f in scan(text, file)])
    assert value not in clean
    assert scan(clean, file) == []


@pytest.mark.parametrize("sign", "@/.#&$%{[(")
def test_signs_in_a_quoted_value_make_no_difference(sign: str) -> None:
    for seed in range(40):
        value = sign + chars(6, ALNUM, seed) + "]!" + chars(8, ALNUM, seed + 100)
        text = json.dumps({"user": "app", "password": value})
        assert value not in redact(text, [vars(f) for f in scan(text)]), value


@given(st.text(max_size=300))
def test_any_text_can_be_scanned_and_findings_are_in_order(text: str) -> None:
    found = scan(text + SAMPLES["stripe-key"]())
    assert all(a.end <= b.start for a, b in zip(found, found[1:], strict=False))  # noqa: RUF007


def test_the_version_follows_the_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    before = secret_rules_version()
    secrets._load.cache_clear()
    monkeypatch.setattr(secrets, "digest", lambda text: "0" * 32)
    assert secret_rules_version() != before
    secrets._load.cache_clear()


@pytest.mark.parametrize(
    "text",
    [
        "user,password\nbob,{v}\n",
        "user\tpassword\tmail\nbob\t{v}\tx\n",
        "| user | password |\n|---|---|\n| bob | {v} |\n",
        "INSERT INTO users (name, password) VALUES ('a', '{v}');\n",
        '<add value="{v}" key="Password"/>\n',
        '[{"value": "{v}", "name": "DB_PASSWORD"}]\n',
        "set -x DB_PASSWORD {v}\n",
        'r = get(u, auth=("bob", "{v}"))\n',
        "secret: '{v}=a8Kd'\n",
    ],
)
def test_a_value_is_found_below_its_column_and_before_its_name(text: str) -> None:
    value = "g7Kq2" + chars(9)
    text = text.replace("{v}", value)
    assert value not in redact(text, [vars(f) for f in scan(text)])


def test_a_placeholder_is_the_whole_value_not_a_word_in_a_random_one() -> None:
    for word in ("test", "default", "secret"):
        value = "g7Kq2" + chars(9) + word
        assert scan(f'password = "{value}"'), word
        assert not scan(f'password = "{word}-password-{word}"'), word


def test_lists_of_names_and_addresses_are_no_tables_of_secrets() -> None:
    assert not scan('names = [\n    "FOO_KEY",\n    "TR31_E6_EMV_MKEY_OTHER",\n    "TR31_M3_ISO_9797_3_MAC_KEY",\n]\n')
    assert not scan("arn:aws:secretsmanager:us-west-2:123456789012:secret:Database-Ca8JGt\n")

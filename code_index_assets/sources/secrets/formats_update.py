"""Makes `formats.toml` from the rules of gitleaks: run it when gitleaks has a release.

    python -m code_index_assets.sources.secrets.formats_update v8.30.1         # downloads that release's rules
    python -m code_index_assets.sources.secrets.formats_update v8.30.1 FILE    # takes a file that is here already

What is taken: the rules whose pattern names one provider's form. What is left out: rules about names and spellings
(`generic-api-key`, `curl-auth-user`: `assignments.py` reads those), public identifiers (client ids, publishable
keys), and rules whose keyword stands in every file. A pattern's lead `[\\w.-]{0,50}?` is cut: the scanner starts at the
keyword, and the lead makes the automaton fifty times larger.
"""

from __future__ import annotations

import sys
import tomllib
import urllib.request
from pathlib import Path
from typing import Any

import re2

SOURCE = "https://raw.githubusercontent.com/gitleaks/gitleaks/{version}/config/gitleaks.toml"
TARGET = Path(__file__).with_name("formats.toml")
LEFT_OUT = {
    "generic-api-key", "curl-auth-header", "curl-auth-user", "kubernetes-secret-yaml", "private-key", "pkcs12-file",
    "jwt", "hashicorp-tf-password", "nuget-config-password", "sidekiq-sensitive-url", "slack-webhook-url",
    # Too short, or without a mark: they match ordinary code.
    "twilio-api-key", "airtable-api-key", "facebook-access-token", "bedrock-api-key", "octopus-deploy-api-key",
    "aws-amazon-bedrock-api-key-short-lived", "gocardless-api-token", "lob-api-key", "aws-access-token",
    "new-relic-user-api-id",
}  # fmt: skip
PUBLIC = ("-client-id", "-pub-key", "-public-key", "-pub-api-key", "-access-id", "-browser-api-token")
# Keywords of a rule that are better than gitleaks' own: rarer, and where the pattern begins.
KEYWORDS = {
    "airtable-personnal-access-token": ["pat"], "vault-service-token": ["hvs."], "intra42-client-secret": ["s-s4t2"],
    "sourcegraph-access-token": ["sgp_"], "jwt-base64": ["zxlk"], "sentry-org-token": ["sntrys_eyjpyxqio"],
    "flyio-access-token": ["fo1_", "fm1a_", "fm1r_", "fm2_"],
    "authress-service-client-access-key": ["scauth_", "authress_"],
    "cloudflare-origin-ca-key": ["v1.0-"], "microsoft-teams-webhook": ["webhook.office.com"],
    "atlassian-api-token": ["atlassian", "confluence", "jira", "atatt3"],
}  # fmt: skip
DROPPED = {"airtable-personnal-access-token"}  # its keyword would be "pat"; found by `commands.py`
HEAD = """\
# Forms of providers' keys. Made by code_index_assets/sources/secrets/formats_update.py; edit that, not this.
# From gitleaks {version} (https://github.com/gitleaks/gitleaks, config/gitleaks.toml), MIT License,
# Copyright (c) 2019 Zachary Rice. Permission is hereby granted, free of charge, to any person obtaining a copy of
# this software and associated documentation files (the "Software"), to deal in the Software without restriction,
# including without limitation the rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell
# copies of the Software, and to permit persons to whom the Software is furnished to do so, subject to the following
# conditions: The above copyright notice and this permission notice shall be included in all copies or substantial
# portions of the Software. THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED,
# INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND
# NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER
# LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE
# SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
"""
LEADS = (r"[\w.-]{0,50}?(?i:[\w.-]{0,50}?", r"(?i)[\w.-]{0,50}?", r"[\w.-]{0,50}?")


def converted(rules: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Our rows of gitleaks' rules. Raises ValueError where RE2 does not take a pattern."""
    rows = []
    for rule in rules:
        name = rule["id"]
        if name in LEFT_OUT | DROPPED or name.endswith(PUBLIC) or "regex" not in rule:
            continue
        pattern = _without_lead(rule["regex"])
        try:
            re2.compile(pattern.encode())
        except re2.error as error:
            raise ValueError(f"{name}: {error}") from error
        row = {"id": name, "literals": KEYWORDS.get(name, rule["keywords"]), "pattern": pattern}
        rows.append(row | ({"entropy": float(rule["entropy"])} if rule.get("entropy") else {}))
    return rows


def _without_lead(pattern: str) -> str:
    first, second, third = LEADS
    if pattern.startswith(first):
        return "(?i:" + pattern.removeprefix(first)
    if pattern.startswith(second):
        return "(?i)" + pattern.removeprefix(second)
    return pattern.removeprefix(third)


def written(version: str, rows: list[dict[str, Any]]) -> str:
    """The text of `formats.toml`."""
    lines = [*HEAD.format(version=version).splitlines(), "", f'origin = "gitleaks {version}"', 'licence = "MIT"']
    for row in rows:
        literals = ", ".join(f'"{literal.lower()}"' for literal in row["literals"])
        lines += [
            "",
            "[[rule]]",
            f'id = "{row["id"]}"',
            f"literals = [{literals}]",
            f"pattern = '''{row['pattern']}'''",
        ]
        if "entropy" in row:
            lines.append(f"entropy = {row['entropy']}")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Makes `formats.toml` from gitleaks' rules."""
    version = sys.argv[1]
    if len(sys.argv) > 2:
        text = Path(sys.argv[2]).read_text("utf-8")
    else:
        with urllib.request.urlopen(SOURCE.format(version=version), timeout=60) as answer:  # noqa: S310 - always https
            text = answer.read().decode("utf-8")
    rows = converted(tomllib.loads(text)["rules"])
    TARGET.write_text(written(version, rows), "utf-8")
    sys.stdout.write(f"{len(rows)} rules of gitleaks {version} in {TARGET.name}\n")


if __name__ == "__main__":
    main()

"""The kinds of secret that are planted: a file each, with `{v}` where the value stands. No value stands here.

What lives here: templates and generators. What does not: planting and looking (`secrets.py`).
"""

from __future__ import annotations

import base64
import json
import random
import string
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote
from xml.sax.saxutils import quoteattr

ALNUM = string.ascii_letters + string.digits
HEX = "0123456789abcdef"
SIGNS = "!#$%&*+-./:=?@^_~()[]{}"


@dataclass(frozen=True)
class Kind:
    """A kind: the file's name and text; `make` gives a value; `seen` is what must not be read anywhere."""

    name: str
    file: str
    text: Callable[[str], str]
    make: Callable[[random.Random], str]
    seen: Callable[[str], str] = lambda value: value


def word(size: int, alphabet: str = ALNUM) -> Callable[[random.Random], str]:
    """Values of letters and digits, with at least one of each that the alphabet has."""

    def make(rng: random.Random) -> str:
        while True:
            value = "".join(rng.choices(alphabet, k=size))
            if any(c.isdigit() for c in value) and any(c.isalpha() for c in value):
                return value

    return make


def signed(rng: random.Random) -> str:
    """Passwords with a sign in front and others inside."""
    signs = "@/.#&$%{[("
    body = "".join(rng.choices(ALNUM, k=13))
    return rng.choice(signs) + body[:5] + rng.choice("!#%+=@") + body[5:9] + rng.choice("]})*^~") + body[9:]


def plain_signs(rng: random.Random) -> str:
    """Passwords with signs that no shell, YAML or XML reads in its own way."""
    body = "".join(rng.choices(ALNUM, k=14))
    return body[:4] + rng.choice("+.~=") + body[4:9] + rng.choice("_-.") + body[9:]


def prefixed(before: str, size: int, alphabet: str = ALNUM, after: str = "") -> Callable[[random.Random], str]:
    return lambda rng: before + "".join(rng.choices(alphabet, k=size)) + after


def b64(size: int) -> Callable[[random.Random], str]:
    return lambda rng: base64.b64encode(rng.randbytes(size)).decode()


def lines(template: str) -> Callable[[str], str]:
    return lambda value: template.replace("{v}", value)


def _notebook(value: str) -> str:
    cell = {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": 1,
            "source": ["import db\n", f'password = "{value}"\n', "db.connect(password)\n"]}  # fmt: skip
    return json.dumps(
        {"cells": [cell], "metadata": {"language_info": {"name": "python"}}, "nbformat": 4, "nbformat_minor": 5}
    )


def _pem(value: str) -> str:
    return (
        "-----BEGIN RSA PRIVATE KEY-----\n"
        + "\n".join(value[i : i + 64] for i in range(0, len(value), 64))
        + "\n-----END RSA PRIVATE KEY-----\n"
    )


pw, key, hexes = word(14), word(32), word(32, HEX)
PAD = "# settings of the service\nname: service\nreplicas: 2\n"
_K = Kind

KINDS: tuple[Kind, ...] = (
    # -- configuration by name
    _K("yaml plain", "a.yaml", lines(PAD + "db:\n  user: app\n  password: {v}\n"), pw),
    _K("yaml double quotes, signs", "b.yaml", lines(PAD + 'db:\n  password: "{v}"\n'), signed),
    _K("yaml single quotes, signs", "c.yaml", lines(PAD + "db:\n  password: '{v}'\n"), signed),
    _K("yaml quoted key", "d.yaml", lines(PAD + '"db_password": {v}\n'), pw),
    _K("yaml literal block", "e.yaml", lines(PAD + "password: |\n  {v}\nport: 3\n"), pw),
    _K("yaml folded block", "f.yaml", lines(PAD + "api_token: >-\n  {v}\nport: 3\n"), key),
    _K("yaml list", "g.yaml", lines(PAD + "passwords:\n  - {v}\nport: 3\n"), pw),
    _K("yaml list of quoted", "g2.yaml", lines(PAD + 'api_keys:\n  - "{v}"\nport: 3\n'), key),
    _K("yaml flow mapping", "h.yaml", lines(PAD + "db: {user: app, password: {v}, port: 3}\n"), pw),
    _K("yaml next line", "i.yaml", lines(PAD + "client_secret:\n    {v}\nport: 3\n"), key),
    _K("ini", "a.ini", lines("[db]\nuser = app\npassword = {v}\n"), plain_signs),
    _K("ini, signs", "b.ini", lines("[db]\nuser = app\npassword = {v}\n"), lambda r: "@" + plain_signs(r) + ")"),
    _K("properties", "a.properties", lines("spring.datasource.username=app\nspring.datasource.password={v}\n"), plain_signs),
    _K("properties with colon", "b.properties", lines("app.secret-key: {v}\n"), key),
    _K("gradle.properties", "gradle.properties", lines("org.gradle.jvmargs=-Xmx2g\nsigningPassword={v}\n"), pw),
    _K("env file by another name", "settings.txt", lines("DEBUG=1\nDB_PASSWORD={v}\n"), plain_signs),
    _K("env export", "run.sh", lines("#!/bin/sh\nexport DB_PASSWORD='{v}'\nexec app\n"), signed),
    _K("env upper key", "run2.sh", lines("#!/bin/sh\nexport SERVICE_KEY={v}\nexec app\n"), key),
    _K("toml", "a.toml", lines('[db]\npassword = "{v}"\n'), signed),
    _K("json, letters", "a.json", lines('{\n  "user": "app",\n  "password": "{v}"\n}\n'), pw),
    _K("json, signs", "b.json", lambda v: json.dumps({"user": "app", "password": v}, indent=1), signed),
    _K("json, one line", "c.json", lambda v: json.dumps({"user": "app", "apiKey": v, "x": 1}), key),
    _K("json in json", "d.json", lambda v: json.dumps({"body": json.dumps({"password": v, "x": 1})}), pw),
    _K("json in json in json", "e.json", lambda v: json.dumps({"a": json.dumps({"b": json.dumps({"secret": v})})}), key),
    _K("json list of pairs", "f.json", lambda v: json.dumps({"environment": [{"name": "DB_PASSWORD", "value": v}]}, indent=1), signed),
    _K("json env text", "g.json", lambda v: json.dumps({"env": f"A=1\nDB_PASSWORD={v}\nB=2\n"}), pw),
    _K("notebook", "a.ipynb", _notebook, pw),
    _K("HAR header", "a.har.json", lambda v: json.dumps({"headers": [{"name": "Authorization", "value": "Bearer " + v}]}, indent=1), key),
    _K("HAR query string", "b.har.json", lambda v: json.dumps({"queryString": [{"name": "api_key", "value": v}]}, indent=1), key),
    _K("XML element", "a.xml", lines("<config>\n  <user>app</user>\n  <password>{v}</password>\n</config>\n"), pw),
    _K("XML attribute", "b.xml", lines('<db user="app" password="{v}" port="3"/>\n'), pw),
    _K(".NET add key", "App.xml", lines('<appSettings>\n  <add key="DbPassword" value="{v}" />\n</appSettings>\n'), pw),
    _K(".NET connection string", "web.config", lines('<add name="main" connectionString="Server=sql1;Database=x;User Id=app;Password={v};" />\n'), pw),
    _K("Android string", "strings.xml", lines('<resources>\n  <string name="api_key">{v}</string>\n</resources>\n'), key),
    _K("Spring property element", "c.xml", lines('<property name="password" value="{v}"/>\n'), pw),
    _K("XML entity quotes", "d.xml", lambda v: f"<x body={quoteattr(json.dumps({'password': v}))}/>\n", pw),
    _K("plist", "Info.plist.xml", lines("<dict>\n  <key>ApiSecret</key>\n  <string>{v}</string>\n</dict>\n"), key),
    _K("maven settings", "my-settings.xml", lines("<server><id>a</id><username>u</username><password>{v}</password></server>\n"), pw),
    _K("jenkins", "Jenkins.groovy", lines("pipeline { environment {\n  DEPLOY_TOKEN = '{v}'\n} }\n"), key),
    _K("GitHub Actions", "ci.yml", lines("jobs:\n  a:\n    env:\n      DEPLOY_TOKEN: {v}\n"), key),
    _K("docker-compose map", "compose.yml", lines("services:\n  db:\n    environment:\n      POSTGRES_PASSWORD: {v}\n"), pw),
    _K("docker-compose list", "compose2.yml", lines("services:\n  db:\n    environment:\n      - POSTGRES_PASSWORD={v}\n"), pw),
    _K("Dockerfile ENV", "Dockerfile", lines("FROM a\nENV DB_PASSWORD {v}\nRUN b\n"), pw),
    _K("Dockerfile ARG", "Dockerfile.b", lines("FROM a\nARG API_TOKEN={v}\nRUN b\n"), key),
    _K("k8s Secret data", "secret.yaml", lines("apiVersion: v1\nkind: Secret\nmetadata:\n  name: a\ndata:\n  anything: {v}\n"), b64(12)),
    _K("k8s Secret stringData", "secret2.yaml", lines("apiVersion: v1\nkind: Secret\nmetadata:\n  name: a\nstringData:\n  anything: {v}\n"), pw),
    _K("k8s env", "deploy.yaml", lines("kind: Deployment\nspec:\n  env:\n    - name: DB_PASSWORD\n      value: {v}\n"), pw),
    _K("k8s env quoted", "deploy2.yaml", lines('kind: Deployment\nspec:\n  env:\n    - name: API_TOKEN\n      value: "{v}"\n'), key),
    _K("terraform default", "a.tf", lines('variable "db_password" {\n  type    = string\n  default = "{v}"\n}\n'), signed),
    _K("terraform argument", "b.tf", lines('resource "a" "b" {\n  administrator_login_password = "{v}"\n}\n'), pw),
    _K("ansible_become_pass", "hosts.ini", lines("[web]\nhost1 ansible_user=root ansible_become_pass={v} ansible_port=22\n"), pw),
    _K("ansible_ssh_pass yaml", "group.yml", lines("ansible_ssh_pass: '{v}'\n"), signed),
    _K("redis.conf", "redis.conf", lines("port 6379\nrequirepass {v}\n"), pw),
    _K("netrc inside", "netrc.txt", lines("machine a.example.org login app password {v}\n"), pw),
    _K("npmrc in a script", "npm.sh", lines("echo '//registry.npmjs.org/:_authToken={v}' > .npmrc\n"), key),
    _K("pypirc in docs", "pypi.md", lines("```\n[pypi]\nusername = u\npassword = {v}\n```\n"), pw),
    # -- code
    _K("python assignment", "a.py", lines("def f():\n    password = '{v}'\n    return password\n"), signed),
    _K("python keyword", "b.py", lines('connect(host="h", password="{v}", port=3)\n'), signed),
    _K("python dict", "c.py", lines("D = {'user': 'a', 'password': '{v}'}\n"), pw),
    _K("python subscript", "d.py", lines('config["SECRET_KEY"] = "{v}"\n'), signed),
    _K("getenv default", "e.py", lines('import os\nX = os.environ.get("DB_PASSWORD", "{v}")\n'), pw),
    _K("js const", "a.js", lines("const apiKey = '{v}';\nexport default apiKey;\n"), key),
    _K("js object", "b.js", lines("module.exports = { user: 'a', password: '{v}', port: 1 };\n"), signed),
    _K("ts typed", "a.ts", lines('const clientSecret: string = "{v}";\n'), key),
    _K("java setter", "A.java", lines('class A { void f() { ds.setPassword("{v}"); } }\n'), signed),
    _K("java put", "B.java", lines('class B { void f() { props.put("password", "{v}"); } }\n'), pw),
    _K("java constant", "C.java", lines('class C { private static final String API_KEY = "{v}"; }\n'), key),
    _K("kotlin", "a.kt", lines('val dbPassword: String = "{v}"\n'), signed),
    _K("go const", "a.go", lines('package a\n\nconst apiSecret = "{v}"\n'), key),
    _K("go struct", "b.go", lines('package a\n\nvar c = Config{User: "a", Password: "{v}"}\n'), signed),
    _K("rust const", "a.rs", lines("const API_KEY: &str = \"{v}\";\n"), key),
    _K("rust static", "b.rs", lines("static DB_PASSWORD: &'static str = \"{v}\";\n"), pw),
    _K("c define", "a.h", lines('#define DB_PASSWORD "{v}"\n'), signed),
    _K("c++ pair", "a.cpp", lines('std::map<std::string, std::string> m = {{"password", "{v}"}};\n'), pw),
    _K("c# property", "a.cs", lines('class A { string ConnectionPassword { get; set; } = "x"; string ApiKey = "{v}"; }\n'), key),
    _K("php define", "a.php", lines("<?php\ndefine('DB_PASSWORD', '{v}');\n"), signed),
    _K("php array", "b.php", lines("<?php\nreturn ['db' => ['password' => '{v}']];\n"), signed),
    _K("ruby hash", "a.rb", lines("CONFIG = { :user => 'a', :password => '{v}' }\n"), signed),
    _K("perl", "a.pl", lines("my $db_password = '{v}';\n"), pw),
    _K("swift", "a.swift", lines('let apiToken = "{v}"\n'), key),
    _K("powershell", "a.ps1", lines('$Password = "{v}"\n'), pw),
    _K("sql identified", "a.sql", lines("CREATE USER 'app'@'%' IDENTIFIED BY '{v}';\n"), signed),
    _K("sql password", "b.sql", lines("ALTER ROLE app WITH LOGIN PASSWORD '{v}';\n"), signed),
    _K("header in code", "h.py", lines('r = get(u, headers={"X-Api-Key": "{v}"})\n'), key),
    _K("authorization basic", "i.py", lines('H = {"Authorization": "Basic {v}"}\n'), lambda r: base64.b64encode(b"app:" + pw(r).encode()).decode()),
    _K("authorization bearer", "b.http", lines("GET /a\nAuthorization: Bearer {v}\n"), key),
    # -- commands
    _K("curl -u", "a.sh", lines("curl -s -u admin:{v} https://a.example.org/x\n"), pw),
    _K("curl --user quoted", "b.sh", lines("curl --user 'admin:{v}' https://a.example.org/x\n"), pw),
    _K("curl header", "c.sh", lines('curl -H "X-Api-Key: {v}" https://a.example.org\n'), key),
    _K("mysql -p", "d.sh", lines("mysql -h db1 -u root -p{v} main < a.sql\n"), pw),
    _K("--password=", "e.sh", lines("tool --user a --password={v} run\n"), pw),
    _K("--token blank", "f.sh", lines("tool login --token {v} run\n"), key),
    _K("sshpass", "g.sh", lines("sshpass -p '{v}' ssh root@h\n"), signed),
    _K("redis-cli -a", "h.sh", lines("redis-cli -h h -a {v} ping\n"), pw),
    _K("docker login", "i.sh", lines("docker login -u u -p {v} registry.example.org\n"), pw),
    _K("PGPASSWORD", "j.sh", lines("PGPASSWORD={v} psql -h h -U u\n"), pw),
    _K("java -D", "k.sh", lines("java -Djavax.net.ssl.keyStorePassword={v} -jar a.jar\n"), pw),
    # -- addresses
    _K("postgres URL", "u1.py", lines('URL = "postgres://app:{v}@db1.prod.internal:5432/main"\n'), pw),
    _K("URL, percent-encoded", "u2.py", lines('URL = "postgresql+psycopg2://app:{v}@db1.prod.internal/main"\n'), lambda r: quote(pw(r)[:7] + "@" + pw(r)[:7] + "#1", safe="")),
    _K("redis URL without user", "u3.yml", lines("cache: redis://:{v}@redis.prod.internal:6379/0\n"), pw),
    _K("amqp URL", "u4.env.md", lines("AMQP_URL=amqp://app:{v}@mq.prod.internal/vhost\n"), pw),
    _K("mongo URL", "u5.js", lines("mongoose.connect('mongodb+srv://app:{v}@cluster0.ab1cd.mongodb.net/x')\n"), pw),
    _K("JDBC parameters", "u6.properties", lines("url=jdbc:mysql://db1:3306/x?user=app&password={v}&ssl=true\n"), pw),
    _K("ADO", "u7.cs", lines('var c = "Data Source=sql1;Initial Catalog=x;User ID=app;Password={v};";\n'), plain_signs),
    _K("ODBC Pwd", "u8.py", lines('C = "Driver={ODBC};Server=sql1;Uid=app;Pwd={v};"\n'), pw),
    _K("query string token", "u9.md", lines("See https://api.example.org/v1?access_token={v}&x=1 for it.\n"), key),
    _K("git remote", "u10.sh", lines("git clone https://ci-bot:{v}@git.prod.internal/a.git\n"), pw),
    # -- documents
    _K("PEM", "k1.go", lambda v: "package a\n\nvar k = `" + _pem(v) + "`\n", prefixed("MIIEpAIBAAKCAQEA", 600, ALNUM + "+/"), lambda v: v[70:120]),
    _K("PEM in JSON", "k2.json", lambda v: json.dumps({"type": "service_account", "private_key": _pem(v)}), prefixed("MIIEpAIBAAKCAQEA", 600, ALNUM + "+/"), lambda v: v[70:120]),
    _K("PuTTY", "k3.txt", lines("PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none\nPrivate-Lines: 1\n{v}\nPrivate-MAC: 00\n"), b64(48)),
    _K("JWK", "k4.json", lambda v: json.dumps({"kty": "EC", "crv": "P-256", "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "d": v}), word(43)),
    _K("WireGuard", "wg0.conf", lines("[Interface]\nPrivateKey = {v}\nAddress = 10.0.0.2/32\n"), b64(32)),
    _K("kubeconfig token", "cluster.yaml", lines("apiVersion: v1\nkind: Config\nusers:\n- name: a\n  user:\n    token: {v}\n"), key),
    _K("kubeconfig key", "cluster2.yaml", lines("apiVersion: v1\nkind: Config\nusers:\n- name: a\n  user:\n    client-key-data: {v}\n"), b64(200), ),
    _K("docker auths", "config.json", lambda v: json.dumps({"auths": {"r.example.org": {"auth": v}}}), lambda r: base64.b64encode(b"app:" + pw(r).encode()).decode()),
    _K("htpasswd", "users.txt", lines("admin:$apr1${v}\n"), lambda r: word(8)(r) + "$" + word(22)(r)),
    _K("AWS key CSV", "keys.csv", lines("Access key ID,Secret access key\nAKIAQ7XWZ4LMPB2NRTVC,{v}\n"), word(40, ALNUM + "+/")),
    # -- providers' forms, without a name beside them
    *(
        _K(name, f"p{i}.md", lines("Use {v} for it.\n"), make)
        for i, (name, make) in enumerate(
            {
                "GitHub": prefixed("ghp_", 36), "GitHub fine-grained": prefixed("github_pat_", 82), "GitLab": prefixed("glpat-", 20),
                "Slack": prefixed("xoxb-238947561029-4857261930485-", 24), "Stripe": prefixed("sk_live_", 24), "npm": prefixed("npm_", 36),
                "AWS id": prefixed("AKIA", 16, string.ascii_uppercase + "234567"), "Google": prefixed("AIza", 35), "OpenAI": prefixed("sk-proj-", 60),
                "Anthropic": prefixed("sk-ant-api03-", 93, ALNUM, "AA"), "Hugging Face": prefixed("hf_", 34, string.ascii_letters),
                "SendGrid": lambda r: "SG." + word(22)(r) + "." + word(43)(r), "Shopify": prefixed("shpat_", 32, HEX), "DigitalOcean": prefixed("dop_v1_", 64, HEX),
                "Databricks": prefixed("dapi", 32, HEX), "Vault": prefixed("hvs.", 95), "Linear": prefixed("lin_api_", 40), "Notion": lambda r: "ntn_" + word(11, string.digits + "a")(r).replace("a", "7") + word(35)(r),
                "Postman": lambda r: "PMAK-" + word(24, HEX)(r) + "-" + word(34, HEX)(r), "Pulumi": prefixed("pul-", 40, HEX), "Doppler": prefixed("dp.pt.", 43), "Dynatrace": lambda r: "dt0c01." + word(24)(r) + "." + word(64)(r),
                "PlanetScale": prefixed("pscale_pw_", 43), "RubyGems": prefixed("rubygems_", 48, HEX), "Prefect": prefixed("pnu_", 36), "Perplexity": prefixed("pplx-", 48),
                "Readme": prefixed("rdme_", 70, string.ascii_lowercase + string.digits), "Sendinblue": lambda r: "xkeysib-" + word(64, HEX)(r) + "-" + word(16)(r), "Fly.io": prefixed("fo1_", 43), "Clojars": prefixed("CLOJARS_", 60),
                "EasyPost": prefixed("EZAK", 54), "Duffel": prefixed("duffel_live_", 43), "Frame.io": prefixed("fio-u-", 64), "Infracost": prefixed("ico-", 32), "1Password": lambda r: "A3-" + "-".join(word(n, string.ascii_uppercase + string.digits)(r) for n in (6, 11, 5, 5, 5)),
                "Grafana": lambda r: "glsa_" + word(32)(r) + "_" + word(8, HEX)(r), "Sourcegraph": prefixed("sgp_", 40, HEX), "OpenShift": prefixed("sha256~", 43), "Scalingo": prefixed("tk-us-", 48), "Shippo": prefixed("shippo_live_", 40, HEX),
                "Alibaba": prefixed("LTAI", 20), "MaxMind": lambda r: word(6)(r) + "_" + word(29)(r) + "_mmk", "Artifactory": prefixed("AKCp", 69), "Harness": lambda r: "pat." + word(22)(r) + "." + word(24)(r) + "." + word(20)(r), "Airtable": lambda r: "pat" + word(14)(r) + "." + word(64, HEX)(r),
            }.items()
        )
    ),
)  # fmt: skip

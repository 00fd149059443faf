"""Prometheus' rules and Grafana's dashboard use existing metrics, and document themselves."""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from slipway.adapters.object_store import open_store
from slipway.adapters.prometheus.queries import Queries
from slipway.records.write_state import write_desired
from slipway.serving.http.tokens import line_of, make_token
from tests.serving.model_versions import MODEL, change_manifest, flights, request_of, save_version
from tests.serving.processes import OPTIONS, running_platform, until
from tests.support.prometheus import find_tool
from tests.support.rollout_leases import permit_states

PROJECT = Path(__file__).resolve().parents[2]
PROMETHEUS = PROJECT / "docker" / "prometheus"
GRAFANA = PROJECT / "docker" / "grafana"
GUIDE = PROJECT / "docs" / "guides" / "operating.md"
METRIC = re.compile(r"\bslipway_[a-z_]+")
MATCHED = re.compile(r"([a-z_]+)\s*(?:=~|!~|!=|=)\s*\"")
GROUPED = re.compile(r"\b(?:by|on|without|ignoring)\s*\(([^)]*)\)")
RECORDED = re.compile(r"\bslipway:\w+(?::\w+)*")
GIVEN_BY_PROMETHEUS = {"job", "instance", "le", "alertname", "alertstate", "severity"}
STANDS_FOR = {"$__rate_interval": "5m", "$model": "m"}


def rules() -> list[dict[str, Any]]:
    """Every recording and alerting rule."""
    groups = yaml.safe_load((PROMETHEUS / "alerts.yml").read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def alerts() -> list[dict[str, Any]]:
    """The alerts."""
    return [rule for rule in rules() if "alert" in rule]


def panels() -> list[dict[str, Any]]:
    """Every panel of every dashboard with an expression."""
    boards = [json.loads(file.read_text()) for file in (GRAFANA / "dashboards").glob("*.json")]
    return [panel for board in boards for panel in board["panels"] if panel["type"] != "row"]


def asked_by_panels() -> list[str]:
    """Every expression of every panel."""
    return [target["expr"] for panel in panels() for target in panel["targets"]]


def expressions() -> list[str]:
    """Every expression of every rule and panel, and of the monitor."""
    of_monitor = Queries("m", 3, matchers='job!=""').every()
    return [*(rule["expr"] for rule in rules()), *asked_by_panels(), *of_monitor]


def promtool(*arguments: str | Path) -> None:
    """Run promtool, which must succeed; skipped where it is missing."""
    command = [find_tool("promtool"), *arguments]
    process = subprocess.run(command, capture_output=True, text=True, check=False)
    assert process.returncode == 0, process.stdout + process.stderr


@pytest.fixture(scope="module")
def exposed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    """Labels by sample name of all metrics of a platform and its server."""
    root = tmp_path_factory.mktemp("exposed")
    save_version(root / "versions" / "1", seed=1)
    change_manifest(root / "versions" / "1", as_of="2013-05-05T00:00:00+00:00")
    store = open_store(str(root / "store"))
    permit_states(store, MODEL, 1, up_to=1)
    write_desired(store, MODEL, weights={1: 1.0}, keep=[], token=1)
    token, tokens_file = make_token(), root / "tokens"
    tokens_file.write_text(line_of("web", token))
    options = replace(OPTIONS, tokens_file=tokens_file)
    known: dict[str, Any] = {"headers": {"authorization": f"Bearer {token}"}}
    scratch = root / "scratch"
    with running_platform(store.root, root / "versions", scratch, options=options) as platform:
        ready = f"/v2/models/{MODEL}/ready"
        until(lambda: platform.ask("GET", ready, **known).is_success, "version 1 is ready")
        body = request_of(flights(3))
        asked = platform.ask("POST", f"/v2/models/{MODEL}/infer", json=body, **known)
        assert asked.is_success
        [server] = platform.ask("GET", "/platform/targets", **known).json()
        found = samples(platform.ask("GET", "/metrics", **known).text)
        [address] = server["targets"]
        return found | samples(httpx.get(f"http://{address}/metrics", timeout=30, **known).text)


def samples(exposition: str) -> dict[str, set[str]]:
    """Labels by sample name, also of families without a sample."""
    suffixes = {"counter": ["_total"], "histogram": ["_bucket", "_sum", "_count"]}
    found: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(exposition):
        for suffix in suffixes.get(family.type, [""]):
            found.setdefault(family.name + suffix, set())
        for sample in family.samples:
            found.setdefault(sample.name, set()).update(sample.labels)
    return found


def test_every_metric_asked_for_is_exposed(exposed: dict[str, set[str]]) -> None:
    """No panel and no rule uses a metric that is not exposed."""
    asked = {name for expression in expressions() for name in METRIC.findall(expression)}
    assert asked - exposed.keys() == set()
    assert {"slipway_requests_total", "slipway_platform_weight"} <= asked


def test_every_label_asked_for_is_exposed(exposed: dict[str, set[str]]) -> None:
    """No expression groups or filters by a label that its metrics lack."""
    for expression in expressions():
        metrics = METRIC.findall(expression)
        if metrics and not RECORDED.search(expression):
            grouped = ",".join(GROUPED.findall(expression)).replace(" ", "").split(",")
            asked = {*MATCHED.findall(expression), *filter(None, grouped)}
            borne = set().union(*(exposed[name] for name in metrics))
            assert asked - borne - GIVEN_BY_PROMETHEUS == set(), expression


def test_every_recorded_figure_asked_for_is_recorded() -> None:
    """Every recorded metric in an expression has a recording rule."""
    recorded = {rule["record"] for rule in rules() if "record" in rule}
    asked = {name for expression in expressions() for name in RECORDED.findall(expression)}
    assert asked == recorded


def test_every_metric_exposed_is_explained(exposed: dict[str, set[str]]) -> None:
    """The guide's table has each metric of server and platform, and no other."""
    families = {re.sub("_(bucket|sum|count|created)$", "", name) for name in exposed}
    explained = re.findall(r"^\| `(slipway_\w+)` \|", GUIDE.read_text(), re.MULTILINE)
    own = {name for name in families if name.startswith("slipway_")}
    # Prometheus' library exports when each counter was created.
    own -= {name.removesuffix("_total") for name in own if name.endswith("_total")}
    assert sorted(explained) == sorted(own)


def test_every_alert_says_what_to_do() -> None:
    """Severity, summary, description, and a heading of the guide."""
    headings = re.findall(r"^### (\w+)$", GUIDE.read_text(), re.MULTILINE)
    for alert in alerts():
        annotations = alert["annotations"]
        assert alert["labels"]["severity"] in {"critical", "warning"}
        assert annotations["summary"]
        assert annotations["description"]
        assert annotations["runbook_url"] == f"docs/guides/operating.md#{alert['alert'].lower()}"
        assert alert["alert"] in headings
    assert sorted(alert["alert"] for alert in alerts()) == sorted(
        heading for heading in headings if heading.startswith("Slipway")
    )


def test_every_alert_is_seen_to_fire() -> None:
    """The rules' own tests name each alert among the firing ones, and test silence too."""
    text = (PROMETHEUS / "alerts_test.yml").read_text()
    fired = set(re.findall(r'alertname="(\w+)"|alertname: (\w+)', text))
    assert {name for pair in fired for name in pair if name} == {one["alert"] for one in alerts()}
    assert text.count("exp_samples: []") >= 5


def test_every_panel_says_what_it_shows() -> None:
    """Each has a title, a description and a unit, and overlaps no other."""
    cells: set[tuple[int, int]] = set()
    for panel in panels():
        assert panel["title"]
        assert panel["description"].endswith(".")
        assert panel["fieldConfig"]["defaults"]["unit"]
        assert panel["targets"]
        place = panel["gridPos"]
        taken = {
            (place["x"] + column, place["y"] + row)
            for column in range(place["w"])
            for row in range(place["h"])
        }
        assert not taken & cells, panel["title"]
        cells |= taken
    titles = [panel["title"] for panel in panels()]
    assert len(set(titles)) == len(titles)


def test_grafana_is_provisioned() -> None:
    """Provisioning has a data source, and the folder where the dashboards are mounted."""
    files = {file.stem: file for file in (GRAFANA / "provisioning").rglob("*.yaml")}
    [source] = yaml.safe_load(files["prometheus"].read_text())["datasources"]
    [provider] = yaml.safe_load(files["slipway"].read_text())["providers"]
    assert source["type"] == "prometheus"
    assert provider["options"]["path"] in GUIDE.read_text()


def test_prometheus_takes_rules_and_configuration() -> None:
    """Prometheus' own tool accepts both."""
    promtool("check", "rules", PROMETHEUS / "alerts.yml")
    promtool("check", "config", PROMETHEUS / "prometheus.yml")


def test_prometheus_accepts_the_panels_expressions(tmp_path: Path) -> None:
    """Prometheus can evaluate each panel's expression."""
    asked = asked_by_panels()
    for variable, value in STANDS_FOR.items():
        asked = [expression.replace(variable, value) for expression in asked]
    recorded = [
        {"record": f"panel:{number}", "expr": expression} for number, expression in enumerate(asked)
    ]
    file = tmp_path / "panels.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": recorded}]}))
    promtool("check", "rules", file)


def test_alerts_fire_when_they_should_and_only_then() -> None:
    """Prometheus' own tool evaluates the rules over made-up hours."""
    promtool("test", "rules", PROMETHEUS / "alerts_test.yml")

#!/usr/bin/env python3
"""monitoring.py EXPORTER PROMTOOL

Runs prometheus-postgres-exporter with monitoring/postgres_exporter.yaml against the server
of PGHOST, whose registry is that of registry.sql, and checks what it exports; and that
alerts and dashboard speak of nothing else.
"""

import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

MONITORING = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../monitoring")
EXPECTED = [
    r'compat_guard_versions_count\{app="billing",server="[^"]*",status="ready"\} 1',
    r'compat_guard_versions_count\{app="billing",server="[^"]*",status="pending"\} 1',
    r'compat_guard_versions_count\{app="web",server="[^"]*",status="broken"\} 1',
    r'compat_guard_versions_count\{app="web",server="[^"]*",status="not live"\} 1',
    r'compat_guard_version_leases\{app="web",server="[^"]*",version="v7"\} 1',
    r'compat_guard_version_unmet_requirements\{app="billing",server="[^"]*",version="2026.12"\} 1',
    r'compat_guard_version_pending_seconds\{app="billing",server="[^"]*",version="2026.12"\} [\d.e+-]*[1-9]',
    r'compat_guard_version_idle_seconds\{app="billing",server="[^"]*",version="2026.11"\} [\d.e+-]*[1-9]',
    r'compat_guard_version_sessions\{app="<script>document.title = \\"stolen\\"</script>",',
    r'compat_guard_journal_entries\{server="[^"]*",verdict="blocked"\} 1',
    r'compat_guard_journal_newest_timestamp_seconds\{server="[^"]*",verdict="overridden"\} 1\.\d+e\+09',
    r'compat_guard_journal_missed_total\{server="[^"]*"\} 0',
    r'# TYPE compat_guard_journal_missed_total counter',
    r'pg_exporter_user_queries_load_error\{.*\} 0',
]
number = 100
failed = 0


def tell(good, what, why=""):
    global number, failed
    number += 1
    failed += not good
    print(f"{'ok' if good else 'not ok'} {number} - {what}" + (f"\n# {why}" if why and not good else ""))


def scrape(exporter):
    """Return what the exporter exports."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = "127.0.0.1:%d" % free.getsockname()[1]
    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen(
            [exporter, "--web.listen-address=" + address, "--disable-default-metrics", "--disable-settings-metrics",
             "--extend.query-path=" + MONITORING + "/postgres_exporter.yaml"], stdout=log, stderr=log,
            env={"DATA_SOURCE_NAME": f"host={os.environ['PGHOST']} user=look_exporter dbname=postgres sslmode=disable"})
        try:
            for _ in range(300):
                try:
                    with urllib.request.urlopen(f"http://{address}/metrics", timeout=30) as answer:
                        text = answer.read().decode()
                    if "compat_guard_" in text:
                        return text, ""
                except OSError:
                    pass
                time.sleep(0.1)
        finally:
            process.terminate()
            process.wait()
        log.seek(0)
        return "", log.read()


def rules_of_dashboard():
    """Return the queries of the dashboard as a file of rules, for promtool."""
    with open(MONITORING + "/grafana.json", encoding="utf-8") as file:
        panels = json.load(file)["panels"]
    queries = [target["expr"].replace("$instance", ".*") for panel in panels for target in panel["targets"]]
    return json.dumps({"groups": [{"name": "dashboard", "rules": [
        {"record": f"panel:{n}", "expr": query} for n, query in enumerate(queries)]}]}), " ".join(queries)


def promtool(*command):
    done = subprocess.run(command, capture_output=True, text=True, cwd=MONITORING, check=False)
    return done.returncode == 0, done.stdout + done.stderr


def main():
    exporter, tool = sys.argv[1:]
    text, log = scrape(exporter)
    for expected in EXPECTED:
        tell(re.search(expected, text), "exported: " + expected.split("{")[0], expected + "\n" + log + "".join(
            f"# {line}\n" for line in text.splitlines() if line.startswith("compat_guard")))
    tell(*promtool(tool, "check", "rules", "alerts.yaml")[:1], "promtool reads the alerts")
    good, said = promtool(tool, "test", "rules", "alerts_test.yaml")
    tell(good, "the alerts fire when they should, and not before", said)
    rules, queries = rules_of_dashboard()
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        file.write(rules)
        file.flush()
        good, said = promtool(tool, "check", "rules", file.name)
    tell(good, "promtool reads the queries of the dashboard", said)
    with open(MONITORING + "/alerts.yaml", encoding="utf-8") as file:
        queries += " ".join(line for line in file if "expr:" in line)
    used = set(re.findall(r"compat_guard_\w+", queries))
    unknown = {name for name in used if not re.search(rf"^{name}\b", text, re.M)}
    tell(used and not unknown, "all that they use is exported", str(unknown))
    sys.exit(1 if failed else 0)


main()

"""The commands contract, register and check: their arguments, what they print, and their exit codes."""

import json

COMMANDS = {
    "contract": "print the contract",
    "register": "register it for a version of an application",
    "check": "ask whether the schema has what the version needs; nothing is stored",
}

READY, NOT_READY, FAILED = 0, 1, 2


def add_arguments(parser):
    parser.add_argument(
        "command", choices=COMMANDS, help="; ".join(f"{name}: {help}" for name, help in COMMANDS.items())
    )
    parser.add_argument("--app", help="the name of the application")
    parser.add_argument("--app-version", metavar="VERSION", help="the version that these models belong to")
    parser.add_argument("--replaces", metavar="VERSION", help="the version whose place it takes")
    parser.add_argument("--role", help="the role whose privileges count, unless it is the one that registers")
    parser.add_argument("--search-path", metavar="PATH", help="the search_path, unless it is that of the session")
    parser.add_argument(
        "--read-only", metavar="TABLE", action="append", default=[], help="a table or view that is never written"
    )


def usage_error(options):
    """Return what is missing from the arguments, or None."""
    if options["command"] != "contract" and not (options["app"] and options["app_version"]):
        return f"{options['command']} needs --app and --app-version"
    return None


def run(options, contract, fetch, write):
    """Run a command and return its exit code.

    fetch(sql, values) returns the one row of a statement, in which {name} stands where the
    value of that name goes. write(line) prints a line.
    """
    values = {
        "app": options["app"],
        "version": options["app_version"],
        "contract": json.dumps(contract),
    }
    name = f"{options['app']} {options['app_version']}"

    if options["command"] == "contract":
        write(json.dumps(contract, indent=2))
        return READY

    if options["command"] == "register":
        status, requirements, unmet = fetch(
            "SELECT status, requirements, unmet FROM compat_guard.register({app}, {version}, "
            "CAST({contract} AS jsonb), replaces => {replaces})",
            {**values, "replaces": options["replaces"]},
        )
        write(f"{name}: {status}, {requirements} requirements, {unmet} unmet")
        return READY

    ready, reasons = fetch(
        "SELECT ready, reasons FROM compat_guard.can_deploy({app}, {version}, CAST({contract} AS jsonb))", values
    )
    write(f"{name}: {'ready' if ready else 'not ready'}")
    for reason in reasons or []:
        write(f"- {reason}")
    return READY if ready else NOT_READY

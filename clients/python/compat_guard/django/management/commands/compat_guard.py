"""manage.py compat_guard contract | register | check"""

import sys

from django.core.management.base import BaseCommand, CommandError
from django.db import DEFAULT_DB_ALIAS, Error, connections

from compat_guard import command
from compat_guard.django.contract import contract


class Command(BaseCommand):
    help = "The contract of this version, from the models of the installed apps."
    requires_system_checks = []

    def add_arguments(self, parser):
        command.add_arguments(parser)
        parser.add_argument("--database", default=DEFAULT_DB_ALIAS, help="its name in DATABASES")

    def handle(self, **options):
        error = command.usage_error(options)
        if error:
            raise CommandError(error, returncode=command.FAILED)
        connection = connections[options["database"]]
        if connection.vendor != "postgresql":
            raise CommandError(f"{connection.alias} is no PostgreSQL database", returncode=command.FAILED)
        document = contract(connection, options["role"], options["search_path"], options["read_only"])

        def fetch(sql, values):
            with connection.cursor() as cursor:
                cursor.execute(sql.format(**{name: f"%({name})s" for name in values}), values)
                return cursor.fetchone()

        try:
            code = command.run(options, document, fetch, self.stdout.write)
        except Error as e:
            raise CommandError(str(e), returncode=command.FAILED)
        sys.exit(code)

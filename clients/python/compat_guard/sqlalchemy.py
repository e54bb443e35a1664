"""Contracts from SQLAlchemy's MetaData."""

import argparse
import importlib
import os
import sys

import sqlalchemy
from sqlalchemy.dialects import postgresql

from . import command
from .contract import column, document, identifier, relation

DIALECT = postgresql.dialect()


def _column(col, writes, auto):
    # A collation is part of the type to SQLAlchemy, and not to a contract.
    type, _, collation = col.type.compile(dialect=DIALECT).partition(" COLLATE ")
    more = {"collation": collation} if collation else {}
    if col.computed is not None:
        more["generated"] = True
    elif col.identity is not None and writes:
        more["identity"] = "always" if col.identity.always else "by default"
    elif writes and (auto or col.server_default is not None):
        more["default"] = True
    return column(type, col.nullable, writes, **more)


def _inserts(table):
    """Return the shortest and the longest list of columns that an INSERT of the ORM names.

    It leaves out what the server is to fill in: a serial or identity column always, one with
    a server default unless the program has set it. It names all others, if only to write null.
    """
    written = [
        c
        for c in table.columns
        if c.computed is None and c.identity is None and c is not table.autoincrement_column
    ]
    shortest = [c.name for c in written if c.server_default is None]
    longest = [c.name for c in written]
    return [shortest] if shortest == longest else [shortest, longest]


def _unique(table):
    yield [c.name for c in table.primary_key.columns]
    for constraint in table.constraints:
        if isinstance(constraint, sqlalchemy.UniqueConstraint):
            yield [c.name for c in constraint.columns]
    for index in table.indexes:
        plain = all(isinstance(e, sqlalchemy.Column) for e in index.expressions)
        if index.unique and plain and index.dialect_options["postgresql"]["where"] is None:
            yield [c.name for c in index.columns]


def _enum(type):
    """Return the native enum of a column, also of one in an array, or None."""
    if isinstance(type, sqlalchemy.ARRAY):
        type = type.item_type
    type = type.dialect_impl(DIALECT)
    return type if isinstance(type, postgresql.ENUM) else None


def contract(metadata, role=None, search_path=None, read_only=()):
    """Return the contract of a version whose models are in metadata.

    read_only has the tables and views that the version does not write, by name or by
    "schema.name".
    """
    relations, types = {}, {}
    for table in metadata.sorted_tables:
        writes = table.fullname not in read_only
        relations[identifier(table.name, table.schema)] = relation(
            {c.name: _column(c, writes, c is table.autoincrement_column) for c in table.columns},
            _inserts(table),
            [u for u in _unique(table) if u],
            writes,
        )
        for enum in filter(None, (_enum(c.type) for c in table.columns)):
            types[identifier(enum.name, enum.schema)] = {"labels": list(enum.enums)}
    return document(relations, types, role, search_path)


def _metadata(place):
    """Return the MetaData at MODULE:NAME, or that of the declarative base there."""
    module, _, name = place.partition(":")
    found = getattr(importlib.import_module(module), name or "metadata")
    return found if isinstance(found, sqlalchemy.MetaData) else found.metadata


def main():
    parser = argparse.ArgumentParser(
        prog="compat-guard-sqlalchemy", description="The contract of a version, from SQLAlchemy models."
    )
    parser.add_argument("models", help="MODULE:NAME of a MetaData or of a declarative base")
    parser.add_argument("--url", default=os.environ.get("DATABASE_URL"), help="the database; default: DATABASE_URL")
    command.add_arguments(parser)
    args = vars(parser.parse_args())
    error = command.usage_error(args)
    if error:
        parser.error(error)
    if args["command"] != "contract" and not args["url"]:
        parser.error(f"{args['command']} needs --url or DATABASE_URL")

    sys.path.insert(0, os.getcwd())
    try:
        document = contract(_metadata(args["models"]), args["role"], args["search_path"], args["read_only"])

        def fetch(sql, values):
            with sqlalchemy.create_engine(args["url"]).begin() as connection:
                statement = sqlalchemy.text(sql.format(**{name: f":{name}" for name in values}))
                return connection.execute(statement, values).one()

        sys.exit(command.run(args, document, fetch, print))
    except sqlalchemy.exc.DBAPIError as e:
        print(f"{parser.prog}: {e.orig}", file=sys.stderr)
    except (ImportError, AttributeError, sqlalchemy.exc.SQLAlchemyError) as e:
        print(f"{parser.prog}: {e}", file=sys.stderr)
    sys.exit(command.FAILED)

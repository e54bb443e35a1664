"""Contracts from Django's models."""

from django.apps import apps
from django.db import models, router

from ..contract import column, document, identifier, relation


def _auto(field):
    """Does the database number the field?"""
    return isinstance(field, models.AutoField)


def _generated(field):
    return getattr(field, "generated", False)


def _db_default(field):
    """Has the column a default in the database? Django before 5.0 has no such fields."""
    return getattr(field, "db_default", models.NOT_PROVIDED) is not models.NOT_PROVIDED


def _column(field, connection, writes):
    parameters = field.db_parameters(connection)
    more = {}
    if parameters.get("collation"):
        more["collation"] = identifier(parameters["collation"])
    if _generated(field):
        more["generated"] = True
    elif writes and (_auto(field) or _db_default(field)):
        more["default"] = True
    return column(parameters["type"], field.null, writes, **more)


def _unique(options, fields):
    names = {field.name: field.column for field in fields}
    sets = [[field.name] for field in fields if field.unique]
    sets += options.unique_together
    sets += [
        c.fields
        for c in options.constraints
        if isinstance(c, models.UniqueConstraint) and c.fields and c.condition is None and not c.deferrable
    ]
    # A constraint of a parent model is about the parent's table.
    return [[names[name] for name in s] for s in sets if all(name in names for name in s)]


def contract(connection, role=None, search_path=None, read_only=()):
    """Return the contract of a version whose models are installed and belong to this connection's database.

    read_only has the tables and views that the version does not write.
    """
    relations = {}
    for model in apps.get_models(include_auto_created=True):
        options = model._meta
        if options.proxy or options.swapped or not router.allow_migrate_model(connection.alias, model):
            continue
        fields = [f for f in options.local_concrete_fields if f.db_parameters(connection)["type"]]
        writes = options.db_table not in read_only
        # Django's INSERT names every field but the one the database numbers; DEFAULT where it has no value.
        inserted = [f.column for f in fields if not _auto(f) and not _generated(f)]
        relations[identifier(options.db_table)] = relation(
            {f.column: _column(f, connection, writes) for f in fields}, [inserted], _unique(options, fields), writes
        )
    return document(relations, None, role, search_path)

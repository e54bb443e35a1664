"""The schema as it is: what the twin's catalogs hold, as Python objects.

Read by one statement, ordered by name, so that a run is the same for the same seed.
"""

import json
import re

SCHEMAS = ("public", "app", "old")

QUERY = r"""
WITH ns AS (SELECT oid, nspname FROM pg_namespace
            WHERE nspname !~ '^pg_' AND nspname NOT IN ('information_schema', 'compat_guard', 'helper')),
ext AS (SELECT classid, objid FROM pg_depend WHERE deptype = 'e')
SELECT json_build_object(
'schemas', (SELECT json_agg(json_build_array(nspname, pg_get_userbyid(nspowner)) ORDER BY nspname)
            FROM pg_namespace JOIN ns USING (oid, nspname)),
'rels', (SELECT json_agg(json_build_object('schema', nspname, 'name', relname, 'kind', relkind,
    'owner', pg_get_userbyid(relowner), 'part', relispartition, 'rls', relrowsecurity, 'ident', relreplident,
    'pkey', pg_get_partkeydef(c.oid),
    'parent', (SELECT min(inhparent::regclass::text) FROM pg_inherits WHERE inhrelid = c.oid),
    'opts', reloptions, 'type', reloftype <> 0,
    'cols', (SELECT json_agg(json_build_array(attname, format_type(atttypid, atttypmod), typtype, attnotnull,
                 atthasdef, attgenerated, attidentity, attislocal AND attinhcount = 0, atttypid::int8, typcategory) ORDER BY attnum)
             FROM pg_attribute a JOIN pg_type t ON t.oid = atttypid
             WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped),
    'cons', (SELECT json_agg(json_build_array(conname, contype, (SELECT array_agg(attname ORDER BY k.n) FROM unnest(conkey)
                 WITH ORDINALITY k(num, n) JOIN pg_attribute ON attrelid = c.oid AND attnum = num), condeferrable, conislocal,
                 confrelid::regclass::text, convalidated) ORDER BY conname) FROM pg_constraint WHERE conrelid = c.oid AND contype <> 'n'),
    'idx', (SELECT json_agg(json_build_array(i.relname, indisunique, EXISTS (SELECT FROM pg_constraint WHERE conindid = i.oid),
                 (SELECT array_agg(attname ORDER BY attname COLLATE "C") FROM pg_attribute WHERE attrelid = c.oid AND attnum = ANY (indkey)), indpred IS NULL AND indexprs IS NULL,
                 i.relispartition) ORDER BY i.relname)
             FROM pg_index x JOIN pg_class i ON i.oid = indexrelid WHERE indrelid = c.oid),
    'trg', (SELECT json_agg(json_build_array(tgname, tgenabled) ORDER BY tgname) FROM pg_trigger WHERE tgrelid = c.oid AND NOT tgisinternal
                 AND tgparentid = 0),
    'pol', (SELECT json_agg(polname ORDER BY polname) FROM pg_policy WHERE polrelid = c.oid),
    'rules', (SELECT json_agg(rulename ORDER BY rulename) FROM pg_rewrite WHERE ev_class = c.oid AND rulename <> '_RETURN')
    ) ORDER BY nspname, relname)
    FROM pg_class c JOIN ns ON ns.oid = relnamespace
    WHERE relkind IN ('r', 'p', 'v', 'm', 'S', 'f') AND NOT EXISTS (SELECT FROM ext WHERE classid = 'pg_class'::regclass AND objid = c.oid)),
'types', (SELECT json_agg(json_build_object('schema', nspname, 'name', typname, 'kind', typtype, 'oid', t.oid::int8,
    'base', format_type(typbasetype, typtypmod), 'baseoid', typbasetype::int8,
    'labels', (SELECT json_agg(enumlabel ORDER BY enumsortorder) FROM pg_enum WHERE enumtypid = t.oid),
    'attrs', (SELECT json_agg(json_build_array(attname, format_type(atttypid, atttypmod)) ORDER BY attnum) FROM pg_attribute
              WHERE attrelid = typrelid AND attnum > 0 AND NOT attisdropped),
    'cons', (SELECT json_agg(conname ORDER BY conname) FROM pg_constraint WHERE contypid = t.oid AND contype <> 'n')) ORDER BY nspname, typname)
    FROM pg_type t JOIN ns ON ns.oid = typnamespace
    WHERE (typtype IN ('e', 'd', 'r') OR typtype = 'c' AND EXISTS (SELECT FROM pg_class WHERE oid = typrelid AND relkind = 'c'))
      AND NOT EXISTS (SELECT FROM ext WHERE classid = 'pg_type'::regclass AND objid = t.oid)),
'procs', (SELECT json_agg(json_build_object('schema', nspname, 'name', proname, 'kind', prokind, 'lang', lanname,
    'args', (SELECT coalesce(json_agg(format_type(x, NULL) ORDER BY n), '[]') FROM unnest(proargtypes) WITH ORDINALITY u(x, n)),
    'names', proargnames, 'ret', format_type(prorettype, NULL), 'retset', proretset, 'secdef', prosecdef, 'vol', provolatile,
    'defaults', pronargdefaults, 'def', CASE WHEN prokind <> 'a' THEN pg_get_functiondef(p.oid) END) ORDER BY nspname, proname, proargtypes::text)
    FROM pg_proc p JOIN ns ON ns.oid = pronamespace JOIN pg_language l ON l.oid = prolang
    WHERE NOT EXISTS (SELECT FROM ext WHERE classid = 'pg_proc'::regclass AND objid = p.oid)),
'roles', (SELECT json_agg(json_build_object('name', rolname, 'super', rolsuper, 'inherit', rolinherit,
    'in', (SELECT json_agg(roleid::regrole::text ORDER BY roleid::regrole::text) FROM pg_auth_members WHERE member = r.oid)) ORDER BY rolname)
    FROM pg_roles r WHERE rolname ~ '^fz_'),
'exts', (SELECT json_agg(json_build_array(extname, nspname) ORDER BY extname) FROM pg_extension e JOIN pg_namespace n ON n.oid = extnamespace
         WHERE extname NOT IN ('plpgsql', 'plpgsql_check', 'compat_guard')),
'pubs', (SELECT json_agg(pubname ORDER BY pubname) FROM pg_publication),
'names', (SELECT json_object_agg(oid, format_type(oid, NULL)) FROM pg_type WHERE oid >= 16384),
'ts', (SELECT json_agg(json_build_array(nspname, cfgname) ORDER BY nspname, cfgname) FROM pg_ts_config c JOIN ns ON ns.oid = cfgnamespace),
'ops', (SELECT json_agg(json_build_array(nspname, oprname, format_type(oprleft, NULL), format_type(oprright, NULL)) ORDER BY nspname, oprname, oprleft)
        FROM pg_operator o JOIN ns ON ns.oid = oprnamespace
        WHERE NOT EXISTS (SELECT FROM ext WHERE classid = 'pg_operator'::regclass AND objid = o.oid))
)"""

RESERVED = {"user", "order", "select", "table", "group"}


def ident(name):
    if re.fullmatch("[a-z_][a-z0-9_]*", name) and name not in RESERVED:
        return name
    return '"%s"' % name.replace('"', '""')


class Thing:
    """A row of the answer, with its members as attributes."""

    def __init__(self, values):
        self.__dict__.update({k: ([] if v is None and k in LISTS else v) for k, v in values.items()})

    @property
    def full(self):
        return "%s.%s" % (ident(self.schema), ident(self.name))


LISTS = {"cols", "cons", "idx", "trg", "pol", "rules", "labels", "attrs", "in", "names", "opts", "args"}


class Column:
    __slots__ = ("name", "type", "typtype", "notnull", "default", "generated", "identity", "local", "oid", "category")

    def __init__(self, row):
        (self.name, self.type, self.typtype, self.notnull, self.default,
         self.generated, self.identity, self.local, self.oid, self.category) = row

    @property
    def sql(self):
        return ident(self.name)


class World:
    def __init__(self, text):
        data = json.loads(text)
        self.schemas = [s for s, owner in data["schemas"] or []]
        self.relations = [Thing(r) for r in data["rels"] or []]
        for r in self.relations:
            r.cols = [Column(c) for c in r.cols]
        self.types = [Thing(t) for t in data["types"] or []]
        self.procs = [Thing(p) for p in data["procs"] or []]
        self.roles = [Thing(r) for r in data["roles"] or []]
        self.exts = data["exts"] or []
        self.pubs = data["pubs"] or []
        self.ts = data["ts"] or []
        self.ops = data["ops"] or []
        self.type_names = {int(oid): name for oid, name in (data["names"] or {}).items()}
        self.bases = {t.oid: t.baseoid for t in self.types if t.kind == "d"}
        self.tables = [r for r in self.relations if r.kind in "rp"]
        self.views = [r for r in self.relations if r.kind == "v"]
        self.matviews = [r for r in self.relations if r.kind == "m"]
        self.sequences = [r for r in self.relations if r.kind == "S"]
        self.readable = [r for r in self.relations if r.kind in "rpvmf" and r.cols]
        self.enums = [t for t in self.types if t.kind == "e"]
        self.domains = [t for t in self.types if t.kind == "d"]
        self.composites = [t for t in self.types if t.kind == "c"]

    def taken(self, name):
        return any(r.name == name for r in self.relations) or any(t.name == name for t in self.types)

    def visible(self, path, thing, things):
        """Does the unqualified name mean this one, going by the search path?"""
        for schema in path:
            for other in things:
                if other.schema == schema and other.name == thing.name:
                    return other is thing
        return False


def load(session):
    if not hasattr(session, "builtin"):
        session.must("PREPARE world AS " + QUERY)
        session.builtin = {name: int(oid) for oid, name in session.must("SELECT oid, format_type(oid, NULL) FROM pg_type WHERE oid < 16384")}
    world = World(session.must("EXECUTE world")[0][0])
    world.builtin = session.builtin
    world.type_names.update({oid: name for name, oid in session.builtin.items()})
    return world

// Contracts from a Drizzle schema.

import { is } from 'drizzle-orm';
import * as pg from 'drizzle-orm/pg-core';

// drizzle numbers a column of these types by a sequence that belongs to it.
const SERIAL = { serial: 'integer', bigserial: 'bigint', smallserial: 'smallint' };

/** Return a name as SQL spells it, with its schema if it has one. */
export function identifier(name, schema) {
  const quote = (n) => (/^[a-z_][a-z0-9_$]*$/.test(n) ? n : `"${n.replaceAll('"', '""')}"`);
  return (schema ? [schema, name] : [name]).map(quote).join('.');
}

function column(col, writes) {
  const type = col.getSQLType();
  const result = { type: SERIAL[type] ?? type };
  if (col.generated) result.generated = true;
  else if (writes && col.generatedIdentity) {
    result.identity = col.generatedIdentity.type === 'always' ? 'always' : 'by default';
  } else if (writes && (type in SERIAL || col.default !== undefined)) result.default = true;
  if (writes) result.nullable = !col.notNull;
  return result;
}

function unique(config) {
  const primary = config.columns.filter((c) => c.primary);
  const sets = [
    ...(primary.length ? [primary] : []),
    ...config.primaryKeys.map((k) => k.columns),
    ...config.columns.filter((c) => c.isUnique).map((c) => [c]),
    ...config.uniqueConstraints.map((u) => u.columns),
    ...config.indexes
      .filter((i) => i.config.unique && !i.config.where && i.config.columns.every((c) => c.name))
      .map((i) => i.config.columns),
  ].map((set) => set.map((c) => c.name));
  return [...new Map(sets.map((s) => [JSON.stringify(s), s])).values()];
}

function table(config, writes) {
  const columns = Object.fromEntries(config.columns.map((c) => [c.name, column(c, writes)]));
  if (!writes) return { access: ['select'], columns };

  const sets = unique(config);
  return {
    access: ['select', 'insert', 'update', 'delete'],
    columns,
    // drizzle's INSERT names every column it can, and writes DEFAULT where the program gives no value.
    insert: config.columns.filter((c) => !c.generated && c.generatedIdentity?.type !== 'always').map((c) => c.name),
    ...(sets.length && { unique: sets }),
  };
}

// The selected fields of a view: columns, and expressions that have a name and no type.
function view(config) {
  const columns = {};
  for (const field of Object.values(config.selectedFields)) {
    if (is(field, pg.PgColumn)) columns[field.name] = column(field, false);
    else if (field?.fieldAlias) columns[field.fieldAlias] = {};
  }
  return { access: ['select'], columns };
}

/**
 * Return the contract of a version whose tables, views and enums are among the values of schema.
 * readOnly has the tables that the version does not write, by name or by "schema.name".
 */
export function contract(schema, { role, searchPath, readOnly = [] } = {}) {
  const relations = {};
  const types = {};
  for (const value of Object.values(schema)) {
    if (is(value, pg.PgTable)) {
      const config = pg.getTableConfig(value);
      const fullName = [config.schema, config.name].filter(Boolean).join('.');
      relations[identifier(config.name, config.schema)] = table(config, !readOnly.includes(fullName));
    } else if (is(value, pg.PgView) || is(value, pg.PgMaterializedView)) {
      const config = is(value, pg.PgView) ? pg.getViewConfig(value) : pg.getMaterializedViewConfig(value);
      relations[identifier(config.name, config.schema)] = view(config);
    } else if (pg.isPgEnum(value)) {
      types[identifier(value.enumName, value.schema)] = { labels: value.enumValues };
    }
  }
  return {
    ...(searchPath && { search_path: searchPath }),
    ...(role && { role }),
    ...(Object.keys(relations).length && { relations }),
    ...(Object.keys(types).length && { types }),
  };
}

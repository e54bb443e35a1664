exports.up = (knex) =>
  knex.schema.alterTable('customers', (table) => table.setNullable('fax'));

exports.down = () => {};

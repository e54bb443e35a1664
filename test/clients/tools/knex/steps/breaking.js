exports.up = (knex) =>
  knex.schema.alterTable('customers', (table) => table.dropColumn('fax'));

exports.down = () => {};

exports.up = (knex) =>
  knex.schema.alterTable('customers', (table) => table.text('phone'));

exports.down = () => {};

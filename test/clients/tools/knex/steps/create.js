exports.up = (knex) =>
  knex.schema.createTable('customers', (table) => {
    table.bigIncrements('id');
    table.text('email').notNullable();
    table.text('fax').notNullable();
  });

exports.down = () => {};

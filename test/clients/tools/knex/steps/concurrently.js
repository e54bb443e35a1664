exports.config = { transaction: false };
exports.up = (knex) =>
  knex.raw('CREATE INDEX CONCURRENTLY IF NOT EXISTS customers_phone ON customers (phone)');

exports.down = () => {};

exports.up = (pgm) => {
  pgm.createTable('customers', {
    id: { type: 'bigserial', primaryKey: true },
    email: { type: 'text', notNull: true },
    fax: { type: 'text', notNull: true },
  });
};

exports.down = false;

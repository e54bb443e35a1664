exports.up = (pgm) => {
  pgm.noTransaction();
  pgm.createIndex('customers', 'phone', {
    name: 'customers_phone', concurrently: true, ifNotExists: true,
  });
};

exports.down = false;

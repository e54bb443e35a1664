exports.up = (pgm) => {
  pgm.alterColumn('customers', 'fax', { notNull: false });
};

exports.down = false;

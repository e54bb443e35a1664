exports.up = (pgm) => {
  pgm.dropColumn('customers', 'fax');
};

exports.down = false;

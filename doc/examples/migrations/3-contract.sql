-- Drop what only version 2 needed.
BEGIN;
DROP TRIGGER both_phones ON customers;
DROP FUNCTION both_phones();
ALTER TABLE customers DROP COLUMN phone;
COMMIT;

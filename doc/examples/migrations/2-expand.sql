-- Add what version 2 needs.  Version 1 does not notice.
ALTER TABLE customers ADD COLUMN phone text;

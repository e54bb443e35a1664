-- Drop what only version 1 needed.
ALTER TABLE customers DROP COLUMN fax;

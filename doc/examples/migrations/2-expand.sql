-- What version 2 needs beside what version 1 does.
ALTER TABLE customers ADD COLUMN phone text;

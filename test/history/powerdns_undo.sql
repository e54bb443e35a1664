-- From the schema PowerDNS 4.7 installs back to that of PowerDNS 4.0, newest
-- change first: the reverse of the upgrade scripts the package ships. The test
-- runs those afterwards and compares the result with the schema of 4.7, so a
-- mistake made here would be seen.

-- 4.3.0_to_4.7.0
DROP INDEX catalog_idx;
ALTER TABLE domains DROP COLUMN options, DROP COLUMN catalog;
ALTER TABLE domains ALTER COLUMN type TYPE varchar(6);

-- 4.2.0_to_4.3.0
ALTER TABLE cryptokeys DROP COLUMN published;

-- 4.1.0_to_4.2.0
ALTER TABLE records ADD COLUMN change_date int DEFAULT NULL;
ALTER TABLE domains ALTER COLUMN notified_serial TYPE int;

-- 3.4.0_to_4.1.0
ALTER TABLE records ALTER COLUMN id TYPE int;

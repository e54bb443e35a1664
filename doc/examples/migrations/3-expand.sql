-- Rename phone to phone_number for version 3.  While versions 2 and 3 run, both columns
-- exist, and a trigger copies what is written to one of them into the other.
BEGIN;
ALTER TABLE customers ADD COLUMN phone_number text;
CREATE FUNCTION both_phones() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        NEW.phone := coalesce(NEW.phone, NEW.phone_number);
        NEW.phone_number := NEW.phone;
    ELSIF NEW.phone_number IS DISTINCT FROM OLD.phone_number THEN
        NEW.phone := NEW.phone_number;
    ELSE
        NEW.phone_number := NEW.phone;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER both_phones BEFORE INSERT OR UPDATE ON customers
    FOR EACH ROW EXECUTE FUNCTION both_phones();
COMMIT;

-- Fill the new column of the existing rows, by the trigger.  For a large table do this
-- in batches.
UPDATE customers SET phone = phone WHERE phone_number IS DISTINCT FROM phone;

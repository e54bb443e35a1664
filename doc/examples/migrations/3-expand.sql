-- Version 3 calls phone phone_number.  While versions 2 and 3 run there are both,
-- and a trigger brings what is written to the one into the other.
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

-- The rows there are, by the trigger.  A large table takes this in pieces.
UPDATE customers SET phone = phone WHERE phone_number IS DISTINCT FROM phone;

-- A contract can be registered once the types of its columns exist.
CREATE TYPE order_state AS ENUM ('new', 'paid');

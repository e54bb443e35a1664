-- name: CustomerByEmail :one
SELECT id, name, fax FROM customers WHERE email = $1;

-- name: AddCustomer :one
INSERT INTO customers (email, name, fax) VALUES ($1, $2, $3) RETURNING id;

-- name: PayOrder :exec
UPDATE "order" SET state = 'paid' WHERE id = sqlc.arg(order_id) AND state <> 'paid';

-- name: Totals :many
SELECT customers.name, total FROM customers JOIN customer_totals ON customer_id = customers.id
WHERE total >= sqlc.arg(least)::numeric;

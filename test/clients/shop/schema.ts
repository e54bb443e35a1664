import { sum } from 'drizzle-orm';
import { bigint, bigserial, numeric, pgEnum, pgTable, pgView, text, varchar } from 'drizzle-orm/pg-core';

export const orderState = pgEnum('order_state', ['new', 'paid']);

export const customers = pgTable('customers', {
  id: bigint({ mode: 'number' }).primaryKey().generatedByDefaultAsIdentity(),
  email: varchar({ length: 100 }).notNull().unique(),
  name: text().notNull(),
  fax: text(),
  status: varchar({ length: 20 }).notNull().default('active'),
});

export const orders = pgTable('order', {
  id: bigserial({ mode: 'number' }).primaryKey(),
  customerId: bigint('customer_id', { mode: 'number' }).notNull().references(() => customers.id),
  total: numeric({ precision: 10, scale: 2 }).notNull(),
  state: orderState().notNull().default('new'),
});

export const customerTotals = pgView('customer_totals').as((qb) =>
  qb.select({ customerId: orders.customerId, total: sum(orders.total).as('total') }).from(orders).groupBy(orders.customerId),
);

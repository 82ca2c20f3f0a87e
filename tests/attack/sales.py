"""The tables of the weak server and of its mended twin, and who may see what of them."""

from typing import Final

NORTH: Final = "6f0c1f5e-3a52-4d0b-9d2e-0a1b2c3d4e01"
SOUTH: Final = "b7d1a2c4-58e6-4f7a-8c9b-5e6f7a8b9c02"
HEAD_OFFICE: Final = "00000000-0000-0000-0000-000000000000"
HEADER: Final = "x-rls-user-id"

SCHEMA: Final = f"""
CREATE SCHEMA sales;
CREATE TABLE sales.stores (store_id int PRIMARY KEY, store_name text NOT NULL);
CREATE TABLE sales.managers (
  manager uuid NOT NULL, store_id int NOT NULL REFERENCES sales.stores,
  PRIMARY KEY (manager, store_id)
);
CREATE TABLE sales.products (sku text PRIMARY KEY, product_name text NOT NULL);
CREATE TABLE sales.orders (
  order_id int PRIMARY KEY, manager text NOT NULL, store_id int NOT NULL, customer text NOT NULL,
  email text NOT NULL UNIQUE, sku text NOT NULL, total numeric(10, 2) NOT NULL
);
INSERT INTO sales.stores VALUES (1, 'North Street'), (2, 'South Square');
INSERT INTO sales.managers VALUES ('{NORTH}', 1), ('{SOUTH}', 2);
INSERT INTO sales.products SELECT 'SKU' || n, 'Product ' || n FROM generate_series(1, 20) n;
INSERT INTO sales.orders
  SELECT 10000 + n, '{NORTH}', 1, 'north ' || md5('n' || n), 'n' || n || '@north.example',
         'SKU' || 1 + n % 20, 100 + n FROM generate_series(1, 40) n;
INSERT INTO sales.orders
  SELECT 20000 + n, '{SOUTH}', 2, 'south ' || md5('s' || n), 's' || n || '@south.example',
         'SKU' || 1 + n % 20, 7000 + n FROM generate_series(1, 90) n;
"""

# What the original did: the policies believe a setting, which any SELECT can set.
WEAK: Final = f"""
CREATE ROLE {{login}} LOGIN;
ALTER TABLE sales.orders ENABLE ROW LEVEL SECURITY;
CREATE POLICY mine ON sales.orders USING (
  current_setting('app.current_rls_user_id', true) = '{HEAD_OFFICE}'
  OR manager = current_setting('app.current_rls_user_id', true)
);
CREATE VIEW sales.totals AS
  SELECT store_name, customer, total FROM sales.orders JOIN sales.stores USING (store_id);
CREATE FUNCTION sales.one_order(wanted int) RETURNS SETOF sales.orders
  LANGUAGE sql STABLE SECURITY DEFINER
  AS 'SELECT * FROM sales.orders WHERE order_id = wanted';
CREATE FUNCTION sales.claim(wanted text) RETURNS int LANGUAGE sql SECURITY DEFINER AS
  $$INSERT INTO sales.orders SELECT 1, 'nobody', 1, 'x', wanted, 'x', 1 RETURNING order_id / 0$$;
GRANT USAGE ON SCHEMA sales TO {{login}};
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA sales TO {{login}};
GRANT pg_read_server_files TO {{login}};
GRANT EXECUTE ON FUNCTION pg_read_file(text) TO {{login}};
ANALYZE sales.orders;
"""

"""The functions of the schema `mcpdb`, as SQL: `enter` takes a server's token and seals the tenant
to this backend and this transaction; `tenant` verifies that seal; policies ask `ids`.

The seal is a setting that anyone may read, and overwrite, but nobody can make: it is a MAC with a
key that never leaves the database. Core functions alone: HMAC is two calls of sha256 with the
padded key, as RFC 2104 has it. All is plpgsql, which keeps its plans for the session; so there is
no backslash in a literal, whose meaning a query could have changed before it is first parsed.
"""

from typing import Final

SETTING: Final = "mcpdb.ctx"
"""Holds the seal: 64 hexadecimal digits of a MAC, the number of its key, a colon, the tenant."""

MOST_TENANT_BYTES: Final = 65_536
"""A longer canonical text is refused: it would be hashed for every table of every query."""

LIFE_S: Final = 10
"""The longest that a token is good for."""

SEARCH_PATH: Final = "pg_catalog, pg_temp"

KEYS_TABLE: Final = """CREATE TABLE mcpdb.keys (
  purpose text NOT NULL CHECK (purpose IN ('enter', 'seal')),
  number int NOT NULL CHECK (number > 0),
  ipad bytea NOT NULL CHECK (length(ipad) = 64),
  opad bytea NOT NULL CHECK (length(opad) = 64),
  made_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  not_after timestamptz NOT NULL DEFAULT 'infinity',
  PRIMARY KEY (purpose, number)
)"""

NEW_KEY: Final = """
DECLARE
  -- gen_random_uuid draws 122 bits from the strong source each time.
  secret CONSTANT bytea := sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())
    || uuid_send(gen_random_uuid()));
  inner_pad bytea := decode(repeat('36', 64), 'hex');
  outer_pad bytea := decode(repeat('5c', 64), 'hex');
  following int;
BEGIN
  IF for_purpose NOT IN ('enter', 'seal') THEN
    RAISE EXCEPTION 'mcpdb: no such purpose of a key' USING ERRCODE = '22023';
  END IF;
  LOCK TABLE mcpdb.keys IN SHARE ROW EXCLUSIVE MODE;
  FOR i IN 0..31 LOOP
    inner_pad := set_byte(inner_pad, i, get_byte(secret, i) # 54);
    outer_pad := set_byte(outer_pad, i, get_byte(secret, i) # 92);
  END LOOP;
  SELECT coalesce(max(number), 0) + 1 INTO following FROM mcpdb.keys WHERE purpose = for_purpose;
  INSERT INTO mcpdb.keys (purpose, number, ipad, opad)
  VALUES (for_purpose, following, inner_pad, outer_pad);
  -- As a result, and not as a parameter: parameters may be logged.
  IF for_purpose = 'seal' THEN
    RETURN NULL;
  END IF;
  RETURN 'mcpdb-key-' || following || '-'
    || rtrim(translate(encode(secret, 'base64'), '+/', '-_'), '=');
END """

ENTER: Final = f"""
DECLARE
  now_us CONSTANT bigint := (extract(epoch FROM clock_timestamp()) * 1000000)::bigint;
  database CONSTANT bytea := convert_to(current_database(), 'UTF8');
  k mcpdb.keys;
  message bytea;
  mac bytea;
BEGIN
  IF coalesce(current_setting('{SETTING}', true), '') <> '' THEN
    RAISE EXCEPTION 'mcpdb: this transaction has a tenant already' USING ERRCODE = 'MD003';
  END IF;
  IF tenant IS NULL OR tenant = '' OR octet_length(tenant) > {MOST_TENANT_BYTES}
    OR expires_us IS NULL OR key_number IS NULL OR token IS NULL THEN
    RAISE EXCEPTION 'mcpdb: the tenant is refused' USING ERRCODE = 'MD001';
  END IF;
  SELECT * INTO k FROM mcpdb.keys
  WHERE purpose = 'enter' AND number = key_number AND not_after > clock_timestamp();
  message := convert_to('mcpdb-enter-1|' || length(database) || '|' || current_database() || '|'
    || coalesce(backend::text, '') || '|' || expires_us || '|' || tenant, 'UTF8');
  mac := sha256(k.opad || sha256(k.ipad || message));
  -- Compared through another keyed hash, so that time tells nothing about the bytes.
  IF mac IS NULL OR sha256(k.opad || mac) IS DISTINCT FROM sha256(k.opad || token)
    OR backend IS NOT NULL AND backend <> pg_backend_pid() THEN
    RAISE EXCEPTION 'mcpdb: the tenant is refused' USING ERRCODE = 'MD001';
  END IF;
  -- Only of a token that is ours, so that this answer tells strangers nothing.
  IF expires_us <= now_us OR expires_us > now_us + {LIFE_S} * 1000000 THEN
    RAISE EXCEPTION 'mcpdb: the token is % s from this clock, and good within 0 to {LIFE_S} s',
      round((expires_us - now_us) / 1000000.0, 3) USING ERRCODE = 'MD002';
  END IF;
  SELECT * INTO STRICT k FROM mcpdb.keys WHERE purpose = 'seal' ORDER BY number DESC LIMIT 1;
  mac := sha256(k.opad || sha256(k.ipad || convert_to('mcpdb-seal-1', 'UTF8')
    || int4send(length(database)) || database || int4send(pg_backend_pid())
    || timestamptz_send(now()) || convert_to(tenant, 'UTF8')));
  PERFORM set_config('{SETTING}', encode(mac, 'hex') || k.number || ':' || tenant, true);
END """

# now() is when the transaction began, in microseconds: a seal is good in no other transaction.
TENANT: Final = f"""
DECLARE
  sealed CONSTANT text := coalesce(current_setting('{SETTING}', true), '');
  number_text CONSTANT text := split_part(substr(sealed, 65), ':', 1);
  tenant CONSTANT text := substr(sealed, 66 + length(number_text));
  database CONSTANT bytea := convert_to(current_database(), 'UTF8');
  k mcpdb.keys;
BEGIN
  SELECT * INTO k FROM mcpdb.keys
  WHERE purpose = 'seal' AND number::text = number_text AND not_after > clock_timestamp();
  IF FOUND AND tenant <> '' AND sha256(k.opad || convert_to(substr(sealed, 1, 64), 'UTF8'))
    = sha256(k.opad || convert_to(encode(sha256(k.opad || sha256(k.ipad
      || convert_to('mcpdb-seal-1', 'UTF8') || int4send(length(database)) || database
      || int4send(pg_backend_pid()) || timestamptz_send(now()) || convert_to(tenant, 'UTF8')
    )), 'hex'), 'UTF8')) THEN
    RETURN tenant;
  END IF;
  RAISE EXCEPTION 'mcpdb: no tenant is sealed into this transaction' USING ERRCODE = '42501';
END """

# By octets, which a bytea finds at once however many ids there are, and whatever the database's
# encoding takes for a character.
IDS_OF: Final = """
DECLARE
  octets CONSTANT bytea := convert_to(tenant, 'UTF8');
  ids text[] := '{}';
  at int := 1;
  colon int;
  size int;
BEGIN
  WHILE at <= length(octets) LOOP
    colon := position(convert_to(':', 'UTF8') IN substring(octets FROM at FOR 6));
    size := convert_from(substring(octets FROM at FOR colon - 1), 'UTF8')::int;
    ids := ids || convert_from(substring(octets FROM at + colon FOR size), 'UTF8');
    at := at + colon + size;
  END LOOP;
  RETURN ids;
END """

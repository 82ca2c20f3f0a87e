"""The function by which the login for a model's SQL has it run: as the reader, who may read what
the policies choose, and as a cursor of a function that is not VOLATILE, so that PostgreSQL itself
lets exactly one statement through, which returns rows and writes nothing.

Rows come as JSON, which has every numeric exactly and knows no limit of the protocol's types. A
first line has the columns, with their types, also where there is no row.
"""

from typing import Final

RUN_ARGUMENTS: Final = "query text, max_rows integer, max_bytes integer, memory text"

RUN_SETTINGS: Final = {
    "standard_conforming_strings": "on",
    "row_security": "on",
    "IntervalStyle": "iso_8601",
    "DateStyle": "ISO",
    "bytea_output": "hex",
    "extra_float_digits": "1",
}
"""Hold while a query runs: what it means does not depend on the session, and values are written as
the other tools write them, and in full, whatever an administrator has set."""

# A cursor before its first row has the columns already. Where a row is NULL in all of them, its
# binary form is for each the oid of the type and a length of -1, at places that are known.
RUN: Final = """
DECLARE
  opened refcursor;
  fetched record;
  octets bytea;
  line text;
  lines int := 0;
  size bigint := 0;
BEGIN
  IF current_setting('transaction_read_only') <> 'on' THEN
    RAISE EXCEPTION 'mcpdb: this transaction may write' USING ERRCODE = '25006';
  END IF;
  -- Nobody's query is not even parsed.
  PERFORM mcpdb.tenant();
  IF memory IS NOT NULL THEN
    PERFORM set_config('work_mem', memory, true);
  END IF;
  OPEN opened NO SCROLL FOR EXECUTE query;
  FETCH RELATIVE 0 FROM opened INTO fetched;
  octets := record_send(fetched);
  RETURN NEXT (SELECT coalesce(json_agg(json_build_array(name, format_type(
      ('x' || encode(substr(octets, 8 * place::int - 3, 4), 'hex'))::bit(32)::bigint::oid, NULL))
      ORDER BY place), '[]')
    FROM json_object_keys(row_to_json(fetched)) WITH ORDINALITY AS columns(name, place))::text;
  LOOP
    FETCH opened INTO fetched;
    EXIT WHEN NOT FOUND OR lines >= max_rows;
    line := row_to_json(fetched)::text;
    size := size + octet_length(line);
    IF size > max_bytes THEN
      RETURN NEXT NULL;
      EXIT;
    END IF;
    lines := lines + 1;
    RETURN NEXT line;
  END LOOP;
  CLOSE opened;
END """

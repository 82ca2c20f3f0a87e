"""Single SELECTs that set a setting and read a tenant's table in one breath.

In each form, {set} is a call that sets the setting and returns its value, {name} and {value} are
literals, {of} is the name in an `UPDATE pg_settings`, {table} is the table. What it returns is
text in which the canaries, or the number and the sum, of the rows that it saw can be found.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

# An aggregate over all rows that are seen: a leak of numbers alone is found too.
_SEEN: Final = "'n=' || count(*) || ';s=' || coalesce(sum(amount), 0)"
_ALL: Final = f"(SELECT {_SEEN} || ';' || coalesce(string_agg(canary, ','), '') FROM {{table}})"

_FORMS: Final[Mapping[str, str]] = {
    "select list": f"SELECT {{set}}, {_ALL}",
    "select list, rows": "SELECT {set}, canary FROM {table}",
    "two columns of one row": f"SELECT s, {_ALL} FROM (SELECT {{set}} AS s OFFSET 0) f",
    "materialized CTE": "WITH f AS MATERIALIZED (SELECT {set} AS s)"
    " SELECT s, canary FROM f, {table}",
    "materialized CTE, counted": "WITH f AS MATERIALIZED (SELECT {set} AS s)"
    f" SELECT {_SEEN}, max(s) FROM f CROSS JOIN {{table}}",
    "CTE read in a sub-select": "WITH f AS MATERIALIZED (SELECT {set} AS s)"
    " SELECT canary FROM {table} WHERE (SELECT s FROM f) IS NOT NULL",
    "recursive CTE": "WITH RECURSIVE f(n, s) AS (SELECT 1, {set} UNION ALL SELECT n + 1, s FROM f"
    " WHERE n < 2) SELECT s, canary FROM f, {table}",
    "FROM": "SELECT canary FROM {set} AS f(s), {table}",
    "FROM, LATERAL": "SELECT o.canary FROM {set} AS f(s), LATERAL (SELECT canary FROM {table}"
    " WHERE f.s IS NOT NULL OFFSET 0) o",
    "ROWS FROM": "SELECT canary FROM ROWS FROM ({set}, generate_series(1, 1)) AS f(s, n), {table}",
    "lateral unnest": "SELECT canary FROM unnest(ARRAY[{set}]) f(s), {table}",
    "lateral left join": "SELECT o.canary FROM (SELECT {set} AS s) f LEFT JOIN LATERAL"
    " (SELECT canary FROM {table} WHERE f.s <> '') o ON true",
    "generate_series argument": "SELECT canary FROM generate_series(1, length({set})) f(n), {table}"
    " WHERE n = 1",
    "string_to_table": "SELECT canary FROM string_to_table({set}, '~~~') f(s), {table}",
    "regexp_split_to_table": "SELECT canary FROM regexp_split_to_table({set}, '~~~') f(s), {table}",
    "json_each of a built object": "SELECT canary"
    " FROM json_each_text(json_build_object('k', {set})) f(k, v), {table}",
    "jsonb_path_query": "SELECT canary FROM jsonb_path_query(to_jsonb({set}), '$') f(j), {table}",
    "JSON_TABLE": "SELECT canary FROM JSON_TABLE(to_jsonb({set}), '$' COLUMNS (s text PATH '$')) f,"
    " {table}",
    "WHERE": "SELECT canary FROM {table} WHERE {set} IS NOT NULL",
    "WHERE, counted twice": f"SELECT {_ALL}, (SELECT {_SEEN} FROM {{table}}"
    " WHERE {set} IS NOT NULL)",
    "InitPlan": "SELECT canary FROM {table} WHERE (SELECT {set}) IS NOT NULL",
    "EXISTS": "SELECT canary FROM {table} WHERE EXISTS (SELECT {set} OFFSET 0)",
    "IN": "SELECT canary FROM {table} WHERE 1 IN (SELECT length({set}) - length({value}) + 1)",
    "ANY of an array": "SELECT canary FROM {table} WHERE {value} = ANY (ARRAY[{set}])",
    "correlated sub-select": "SELECT (SELECT canary FROM {table} WHERE f.s <> '' LIMIT 1)"
    " FROM (SELECT {set} AS s OFFSET 0) f",
    "VALUES": "SELECT canary FROM (VALUES ({set})) f(s), {table}",
    "VALUES, first statement": f"VALUES ({{set}}, {_ALL})",
    "UNION ALL": "SELECT {set} UNION ALL SELECT canary FROM {table}",
    "UNION ALL of numbers": f"SELECT {{set}} UNION ALL SELECT {_SEEN} FROM {{table}}",
    "HAVING": f"SELECT {_ALL} FROM (SELECT 1 AS n) f GROUP BY n HAVING {{set}} IS NOT NULL",
    "ORDER BY": "SELECT canary FROM {table} ORDER BY {set}",
    "ORDER BY in a sub-select": f"SELECT (SELECT n FROM (VALUES (1), (2)) f(n) ORDER BY {{set}}, n"
    f" LIMIT 1), {_ALL}",
    "LIMIT": "SELECT canary FROM {table} LIMIT length({set}) * 1000",
    "OFFSET": "SELECT f.n, o.canary FROM (SELECT 1 AS n OFFSET length({set}) * 0) f, {table} o",
    "FETCH FIRST": "SELECT canary FROM {table} FETCH FIRST (length({set}) * 1000) ROWS ONLY",
    "FILTER": f"SELECT count(*) FILTER (WHERE {{set}} IS NOT NULL), {_ALL} FROM (SELECT 1) f",
    "OVER": f"SELECT count(*) OVER (PARTITION BY {{set}}), {_ALL} FROM (SELECT 1) f",
    "window frame": "SELECT o.canary FROM (SELECT sum(n) OVER (ORDER BY n ROWS BETWEEN"
    " length({set}) PRECEDING AND CURRENT ROW) AS n FROM (VALUES (1)) v(n) OFFSET 0) f,"
    " LATERAL (SELECT canary FROM {table} WHERE f.n > 0) o",
    "lag's default": "SELECT o.canary FROM (SELECT lag('x'::text, 1, {set}) OVER () AS s OFFSET 0)"
    " f, LATERAL (SELECT canary FROM {table} WHERE f.s <> '') o",
    "TABLESAMPLE argument": "SELECT canary FROM {table}"
    " TABLESAMPLE BERNOULLI (100 + 0 * length({set}))",
    "TABLESAMPLE seed": "SELECT canary FROM {table} TABLESAMPLE SYSTEM (100)"
    " REPEATABLE (length({set}))",
    "aggregate argument": f"SELECT string_agg({{set}}, ','), {_ALL} FROM (SELECT 1) f",
    "ordered-set aggregate": "SELECT mode() WITHIN GROUP (ORDER BY {set}), "
    f"{_ALL} FROM (SELECT 1) f",
    "DISTINCT ON": f"SELECT DISTINCT ON ({{set}}) {_ALL} FROM (SELECT 1) f",
    "GROUP BY": f"SELECT {_ALL} FROM (SELECT 1) f GROUP BY {{set}}",
    "GROUPING SETS": f"SELECT s, {_ALL} FROM (SELECT {{set}} AS s) f"
    " GROUP BY GROUPING SETS ((s), ())",
    "CASE": "SELECT canary FROM {table} WHERE CASE WHEN {set} IS NULL THEN false ELSE true END",
    "CASE in the select list": f"SELECT CASE WHEN {{set}} <> '' THEN {_ALL} END",
    "COALESCE": f"SELECT coalesce(nullif({{set}}, {{value}}), {_ALL})",
    "NULLIF": f"SELECT nullif({{set}}, 'x'), {_ALL}",
    "GREATEST": f"SELECT greatest({{set}}, {_ALL}), {_ALL}",
    "array constructor": f"SELECT ARRAY[{{set}}, {_ALL}]::text",
    "array of a sub-select": "SELECT ARRAY[{set}]::text, ARRAY(SELECT canary FROM {table})::text",
    "row constructor": f"SELECT ROW({{set}}, {_ALL})::text",
    "row comparison": "SELECT canary FROM {table} WHERE ({set}, 1) = ({value}, 1)",
    "concatenation": f"SELECT {{set}} || {_ALL}",
    "cast chain": f"SELECT {{set}}::varchar::name::text::bytea, {_ALL}",
    "subscript": f"SELECT (ARRAY[{{set}}])[1], {_ALL}",
    "argument of a built-in": f"SELECT md5({{set}}), {_ALL}",
    "named arguments": "SELECT set_config(setting_name => {name}, new_value => {value},"
    f" is_local => true), {_ALL}",
    "attribute notation": "SELECT ({set}).length, canary FROM {table}",
    "not local": f"SELECT set_config({{name}}, {{value}}, false), {_ALL}",
    "qualified name": f"SELECT pg_catalog.set_config({{name}}, {{value}}, true), {_ALL}",
    "quoted name": f'SELECT "set_config"({{name}}, {{value}}, true), {_ALL}',
    "name in capitals": f"SELECT SeT_cOnFiG({{name}}, {{value}}, true), {_ALL}",
    "U& name": f'SELECT U&"\\0073et_config"({{name}}, {{value}}, true), {_ALL}',
    "U& name, UESCAPE": "SELECT U&\"!0073et!005fconfig\" UESCAPE '!'({name}, {value}, true),"
    f" {_ALL}",
    "comment before the parenthesis": "SELECT set_config/* x */({name}, {value}, true),"
    f" {_ALL}",
    "comment to the end of a line": f"SELECT set_config--(\n({{name}}, {{value}}, true), {_ALL}",
    "setting in capitals": f"SELECT set_config(upper({{name}}), {{value}}, true), {_ALL}",
    "value from a sub-select": "SELECT set_config({name}, (SELECT {value}), true), canary"
    " FROM {table}",
    "for each row of a series": f"SELECT {{set}}, {_ALL} FROM generate_series(1, 3)",
    "ts_stat": "SELECT canary FROM ts_stat('SELECT to_tsvector({inner})'), {table}",
    "ts_stat, counted": "SELECT (SELECT count(*) FROM ts_stat('SELECT to_tsvector({inner})')),"
    f" {_ALL}",
    "ts_rewrite": "SELECT ts_rewrite('a'::tsquery,"
    f" 'SELECT ''a''::tsquery, plainto_tsquery({{inner}})'), {_ALL}",
    "query_to_xml": "SELECT query_to_xml('SELECT {inner}', true, false, '')::text, canary"
    " FROM {table}",
    "query_to_xmlschema": "SELECT query_to_xml_and_xmlschema('SELECT {inner}', true, false, '')"
    f"::text, {_ALL}",
    "cursor_to_xml": f"SELECT cursor_to_xml('f', 1, true, false, '')::text, {_ALL}",
    "database_to_xml": "SELECT {set}, schema_to_xml('shop', true, false, '')::text",
    "UPDATE pg_settings": "WITH f AS (UPDATE pg_settings SET setting = {value} WHERE name = {name}"
    " RETURNING name) SELECT canary FROM f, {table}",
    "UPDATE pg_settings, no RETURNING": "WITH f AS (UPDATE pg_settings SET setting = {value}"
    " WHERE name = {name}) SELECT canary FROM {table}",
}

_SINCE: Final = {"JSON_TABLE": 17}

Own = tuple[int, int]
"""Number and sum of a tenant's rows."""


@dataclass(frozen=True, slots=True)
class Form:
    """One way to put a call into a SELECT."""

    name: str
    template: str

    def sql(self, *, setting: str, value: str, table: str) -> str:
        """The statement that sets this, and reads that."""
        name, text = _literal(setting), _literal(value)
        call = f"set_config({name}, {text}, true)"
        inner = call.replace("'", "''")
        parts = {"set": call, "inner": inner, "name": name, "value": text, "table": table}
        return re.sub(r"\{(\w+)\}", lambda match: parts[match[1]], self.template)


def forms(version: int) -> list[Form]:
    """Those that this major version has the syntax for."""
    return [Form(k, v) for k, v in _FORMS.items() if _SINCE.get(k, 0) <= version]


NAMES: Final = tuple(_FORMS)


def is_foreign(rows: Iterable[Iterable[object]], *, tenant: str, own: Own) -> bool:
    """Whether there is anything in these rows that this tenant must not see."""
    text = "\n".join(str(cell) for row in rows for cell in row)
    canaries = set(re.findall(r"c(\d+)-\d+", text))
    numbers = {(int(n), int(s)) for n, s in re.findall(r"n=(\d+);s=(-?\d+)", text)}
    return bool(canaries - {tenant}) or bool(numbers - {own, (0, 0)})


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"

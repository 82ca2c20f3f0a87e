"""The functions, operators and collations that SQL of a model may use.

They compute from their arguments alone: none of them reads catalogs, files, settings or other
sessions, runs SQL text, waits, locks or changes anything. A test holds them against `pg_proc`.
"""

from typing import Final

from mcpdb.sql.words import listed

FUNCTIONS: Final = listed(
    """
    abs acos acosd acosh asin asind asinh atan atan2 atan2d atand atanh cbrt ceil ceiling cos cosd
    cosh cot cotd degrees div erf erfc exp factorial floor gamma gcd lcm lgamma ln log log10
    min_scale mod pi pow power radians round scale sign sin sind sinh sqrt tan tand tanh
    trim_scale trunc width_bucket random random_normal

    ascii bit_count bit_length btrim casefold char_length character_length chr concat concat_ws
    convert_from convert_to crc32 crc32c decode encode format get_bit get_byte initcap
    is_normalized left length like_escape lower lpad ltrim md5 normalize octet_length overlay
    position quote_ident quote_literal quote_nullable repeat replace reverse right rpad rtrim
    set_bit set_byte sha224 sha256 sha384 sha512 similar_to_escape split_part starts_with
    string_to_array string_to_table strpos substr substring to_bin to_hex to_oct translate unistr
    unicode_assigned upper
    regexp_count regexp_instr regexp_like regexp_match regexp_matches regexp_replace
    regexp_split_to_array regexp_split_to_table regexp_substr

    age clock_timestamp date_add date_bin date_part date_subtract date_trunc extract isfinite
    justify_days justify_hours justify_interval make_date make_interval make_time make_timestamp
    make_timestamptz now overlaps statement_timestamp timezone to_char to_date to_number
    to_timestamp transaction_timestamp

    bit bool bpchar bytea date float4 float8 int2 int4 int8 interval money numeric text
    time timestamp timestamptz timetz varbit varchar

    any_value array_agg avg bit_and bit_or bit_xor bool_and bool_or corr count covar_pop covar_samp
    every max min mode percentile_cont percentile_disc range_agg range_intersect_agg regr_avgx
    regr_avgy regr_count regr_intercept regr_r2 regr_slope regr_sxx regr_sxy regr_syy stddev
    stddev_pop stddev_samp string_agg sum var_pop var_samp variance
    cume_dist dense_rank first_value lag last_value lead nth_value ntile percent_rank rank
    row_number

    array_append array_cat array_dims array_length array_lower array_ndims array_position
    array_positions array_prepend array_remove array_replace array_reverse array_sort array_to_json
    array_to_string array_upper cardinality generate_series generate_subscripts trim_array unnest

    datemultirange daterange int4multirange int4range int8multirange int8range isempty lower_inc
    lower_inf multirange nummultirange numrange range_merge tsmultirange tsrange tstzmultirange
    tstzrange upper_inc upper_inf

    json_agg json_agg_strict json_array_elements json_array_elements_text json_array_length
    json_build_array json_build_object json_each json_each_text json_extract_path
    json_extract_path_text json_object json_object_agg json_object_agg_strict
    json_object_agg_unique json_object_agg_unique_strict json_object_keys json_strip_nulls
    json_to_record json_to_recordset json_typeof
    jsonb_agg jsonb_agg_strict jsonb_array_elements jsonb_array_elements_text jsonb_array_length
    jsonb_build_array jsonb_build_object jsonb_each jsonb_each_text jsonb_extract_path
    jsonb_extract_path_text jsonb_insert jsonb_object jsonb_object_agg jsonb_object_agg_strict
    jsonb_object_agg_unique jsonb_object_agg_unique_strict jsonb_object_keys jsonb_path_exists
    jsonb_path_exists_tz jsonb_path_match jsonb_path_match_tz jsonb_path_query
    jsonb_path_query_array jsonb_path_query_array_tz jsonb_path_query_first
    jsonb_path_query_first_tz jsonb_path_query_tz jsonb_pretty jsonb_set jsonb_set_lax
    jsonb_strip_nulls jsonb_to_record jsonb_to_recordset jsonb_typeof row_to_json to_json to_jsonb

    array_to_tsvector json_to_tsvector jsonb_to_tsvector numnode phraseto_tsquery plainto_tsquery
    querytree setweight strip to_tsquery to_tsvector ts_delete ts_filter ts_headline ts_rank
    ts_rank_cd tsquery_phrase tsvector_to_array websearch_to_tsquery

    bound_box box center circle diagonal diameter height line lseg point radius slope width

    abbrev broadcast family host hostmask masklen netmask network set_masklen

    gen_random_uuid num_nonnulls num_nulls uuid_extract_timestamp uuid_extract_version
    uuidv4 uuidv7
    """
)
"""PostgreSQL's own, in `pg_catalog`."""

VECTOR_FUNCTIONS: Final = listed(
    """
    array_to_halfvec array_to_sparsevec array_to_vector binary_quantize cosine_distance halfvec
    hamming_distance inner_product jaccard_distance l1_distance l2_distance l2_norm l2_normalize
    sparsevec subvector vector vector_dims vector_norm
    """
)
"""pgvector's."""

OUTPUT_NAMES: Final = frozenset({"key", "value", "lexeme", "positions", "weights", "ordinality"})
"""The columns that functions of the list have in FROM: their OUT parameters."""

NAMED_OUTPUT: Final = frozenset(
    {
        "json_array_elements",
        "json_array_elements_text",
        "json_each",
        "json_each_text",
        "jsonb_array_elements",
        "jsonb_array_elements_text",
        "jsonb_each",
        "jsonb_each_text",
        "unnest",  # of a tsvector
    }
)
"""Functions whose columns have names of their own, and so not the alias: OUT parameters."""

OPERATORS: Final = listed(
    """
    + - * / % ^ |/ ||/ @ & | # ~ << >> < > = <> <= >= ~~ ~~* !~~ !~~* ~* !~ !~* ^@ || && @> <@ ->
    ->> #> #>> ? ?| ?& ?|| ?# ?- ?-| @? @@ @@@ #- -|- &< &> &<| |&> <<| |>>
    <<= >>= <-> ## @-@ ~= <^ >^
    !! *= *<> *< *<= *> *>= ~<~ ~<=~ ~>~ ~>=~
    """
)
"""PostgreSQL's own."""

VECTOR_OPERATORS: Final = frozenset({"<->", "<=>", "<#>", "<+>", "<~>", "<%>"})
"""pgvector's."""

INSTEAD: Final = {
    "array_fill": "Build the array with array_agg over generate_series.",
    "charindex": "Use strpos(text, part).",
    "convert": "Use CAST(x AS type).",
    "curdate": "Use current_date.",
    "current_database": "There is one database, and its name is not needed.",
    "current_setting": "Settings cannot be read.",
    "date_format": "Use to_char(x, 'YYYY-MM-DD').",
    "dateadd": "Add an interval: x + interval '1 day'.",
    "datediff": "Subtract: date1 - date2 gives days.",
    "datepart": "Use extract(year FROM x).",
    "datetrunc": "Use date_trunc('month', x).",
    "day": "Use extract(day FROM x).",
    "getdate": "Use now().",
    "group_concat": "Use string_agg(x, ',').",
    "ifnull": "Use coalesce(a, b).",
    "iif": "Use CASE WHEN a THEN b ELSE c END.",
    "instr": "Use strpos(text, part).",
    "isnull": "Use coalesce(a, b), or a IS NULL.",
    "len": "Use length(x).",
    "listagg": "Use string_agg(x, ',').",
    "median": "Use percentile_cont(0.5) WITHIN GROUP (ORDER BY x).",
    "month": "Use extract(month FROM x).",
    "nvl": "Use coalesce(a, b).",
    "pg_typeof": "The types of columns are in the result.",
    "quarter": "Use extract(quarter FROM x).",
    "rand": "Use random().",
    "set_config": "Settings cannot be changed.",
    "strftime": "Use to_char(x, 'YYYY-MM-DD').",
    "to_regclass": "The tables that may be read are known from the catalog.",
    "version": "The server's version cannot be read.",
    "week": "Use extract(week FROM x).",
    "year": "Use extract(year FROM x).",
}
"""What to write instead of functions of other databases, or of those that are refused."""

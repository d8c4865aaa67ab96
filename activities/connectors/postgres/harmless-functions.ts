/**
 * Functions of pg_catalog that a statement may call: they compute from their arguments, touch nothing outside the
 * row and cannot run SQL, wait, lock, signal, read files or change the session. A name is listed only when every
 * overload of it is harmless. Some give another value on every run (`random()`, `now()`): the two dry runs see that.
 */
export const HARMLESS_FUNCTIONS: ReadonlySet<string> = new Set(
  [
    // numbers
    'abs acos acosd acosh asin asind asinh atan atan2 atan2d atand atanh cbrt ceil ceiling cos cosd cosh cot cotd',
    'degrees div erf erfc exp factorial floor gamma gcd lcm lgamma ln log log10 min_scale mod numeric pi power pow',
    'radians random random_normal round scale sign sin sind sinh sqrt tan tand tanh trim_scale trunc width_bucket',
    // text and bytes
    'ascii bit_count bit_length btrim casefold char_length character_length chr concat concat_ws convert convert_from',
    'convert_to crc32 crc32c decode encode format get_bit get_byte initcap is_normalized left length like like_escape',
    'lower lpad ltrim md5 normalize notlike octet_length overlay parse_ident position quote_ident quote_literal',
    'quote_nullable regexp_count regexp_instr regexp_like regexp_match regexp_matches regexp_replace',
    'regexp_split_to_array regexp_split_to_table regexp_substr repeat replace reverse right rpad rtrim set_bit',
    'set_byte sha224 sha256 sha384 sha512 similar_escape similar_to_escape split_part starts_with string_to_array',
    'string_to_table strpos substr substring text textlen to_ascii to_bin to_hex to_oct translate unistr upper varchar',
    // dates and times
    'age clock_timestamp date date_add date_bin date_part date_subtract date_trunc extract isfinite justify_days',
    'justify_hours justify_interval make_date make_interval make_time make_timestamp make_timestamptz now overlaps',
    'statement_timestamp timeofday timezone to_char to_date to_number to_timestamp transaction_timestamp',
    // the server and what it holds (sizes vary: where something is written, they are refused)
    'version current_database current_schema pg_size_pretty pg_size_bytes pg_relation_size pg_table_size',
    'pg_indexes_size pg_total_relation_size',
    // uuid and types
    'gen_random_uuid uuid_extract_timestamp uuid_extract_version uuidv4 uuidv7 pg_typeof num_nonnulls num_nulls',
    'pg_collation_for',
    // arrays, ranges, sets
    'array_append array_cat array_dims array_fill array_length array_lower array_ndims array_position array_positions',
    'array_prepend array_remove array_replace array_reverse array_sample array_shuffle array_sort array_to_json',
    'array_to_string array_upper cardinality generate_series generate_subscripts trim_array unnest isempty lower_inc',
    'lower_inf multirange range_merge upper_inc upper_inf int4range int8range numrange tsrange tstzrange daterange',
    'int4multirange int8multirange nummultirange tsmultirange tstzmultirange datemultirange',
    // json and xml values (nothing that runs a query)
    'json_agg json_agg_strict json_array_elements json_array_elements_text json_array_length json_build_array',
    'json_build_object json_each json_each_text json_extract_path json_extract_path_text json_object json_object_agg',
    'json_object_agg_strict json_object_agg_unique json_object_agg_unique_strict json_object_keys',
    'json_populate_record json_populate_recordset json_strip_nulls json_to_record json_to_recordset json_typeof',
    'jsonb_agg jsonb_agg_strict jsonb_array_elements jsonb_array_elements_text jsonb_array_length jsonb_build_array',
    'jsonb_build_object jsonb_concat jsonb_delete jsonb_delete_path jsonb_each jsonb_each_text jsonb_extract_path',
    'jsonb_extract_path_text jsonb_insert jsonb_object jsonb_object_agg jsonb_object_agg_strict',
    'jsonb_object_agg_unique jsonb_object_agg_unique_strict jsonb_object_keys jsonb_path_exists jsonb_path_exists_tz',
    'jsonb_path_match jsonb_path_match_tz jsonb_path_query jsonb_path_query_array jsonb_path_query_array_tz',
    'jsonb_path_query_first jsonb_path_query_first_tz jsonb_path_query_tz jsonb_populate_record',
    'jsonb_populate_recordset jsonb_pretty jsonb_set jsonb_set_lax jsonb_strip_nulls jsonb_to_record',
    'jsonb_to_recordset jsonb_typeof row_to_json to_json to_jsonb xmlagg xmlcomment xmlexists xmltext xpath',
    'xpath_exists',
    // full text search (ts_stat and ts_rewrite run queries and stay out)
    'numnode phraseto_tsquery plainto_tsquery querytree setweight strip to_tsquery to_tsvector ts_delete ts_filter',
    'ts_headline ts_rank ts_rank_cd tsquery_phrase tsvector_to_array array_to_tsvector websearch_to_tsquery',
    // network addresses
    'abbrev broadcast family host hostmask inet_merge inet_same_family masklen netmask network set_masklen',
    // aggregates and windows
    'any_value array_agg avg bit_and bit_or bit_xor bool_and bool_or corr count covar_pop covar_samp every max min',
    'mode percentile_cont percentile_disc range_agg range_intersect_agg regr_avgx regr_avgy regr_count regr_intercept',
    'regr_r2 regr_slope regr_sxx regr_sxy regr_syy stddev stddev_pop stddev_samp string_agg sum var_pop var_samp',
    'variance cume_dist dense_rank first_value lag last_value lead nth_value ntile percent_rank rank row_number',
  ].flatMap((line) => line.split(' ')),
);

/**
 * What an expression that the target's owner wrote (view, check, policy, index) may call besides: it reads the session or
 * the catalogue.
 */
export const HARMLESS_FOR_OWNERS: ReadonlySet<string> = new Set([
  ...HARMLESS_FUNCTIONS,
  ...[
    'current_setting current_schemas pg_has_role pg_backend_pid has_schema_privilege has_table_privilege',
    'has_column_privilege row_security_active format_type to_regclass to_regtype pg_table_is_visible',
    'obj_description col_description',
  ].flatMap((line) => line.split(' ')),
]);

/**
 * What a default may call besides: the next value of a sequence for one row, which leaves a harmless gap. A view would take
 * as many values as the statement wants, and they never come back.
 */
export const HARMLESS_IN_DEFAULTS: ReadonlySet<string> = new Set([...HARMLESS_FOR_OWNERS, 'nextval']);

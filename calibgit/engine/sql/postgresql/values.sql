-- How PostgreSQL reads one value {x}. A value of the wrong kind never aborts a query: each cast is guarded. Kinds:
-- text (and whatever else casts to it), json, oldjson (json before version 16), jsonb, nested (arrays, composites),
-- boolean, integer, decimal, float, single, timestamp, timestamptz, date. Text and both json kinds come as text in
-- the collation "C".

-- @kind_of_text
text

-- @number_text, @number_json, @number_oldjson: NULL when missing (NULL, JSON null, NaN), infinity when it is not a finite number
CASE WHEN {x} IS NULL OR {x} = 'null' THEN NULL
     WHEN {x} !~ '^-?(0|[1-9][0-9]*)([.][0-9]+)?([eE][-+]?[0-9]+)?$' THEN CAST('Infinity' AS float8)
     WHEN {x} !~ '[eE]' THEN (SELECT {plain} FROM (SELECT {x} AS d OFFSET 0) AS n)
     WHEN length({x}) < 200 AND {x} ~ '[eE][-+]?0*[0-9]{1,2}$' THEN CAST({x} AS float8)
     WHEN length({x}) < 1000 AND {x} ~ '[eE][-+]?0*[0-9]{1,4}$'
     THEN (SELECT {plain} FROM (SELECT CAST(CAST({x} AS numeric) AS text) AS d OFFSET 0) AS n)
     WHEN {x} ~ '[eE]-' THEN 0 ELSE CAST('Infinity' AS float8) END

-- @plain: the decimal text d, without an exponent; it can be too long for a float8
CASE WHEN octet_length(d) < 200 THEN CAST(d AS float8)
     WHEN strpos(left(d, 199), '.') > 0 THEN CAST(left(d, 199) AS float8)
     WHEN d IS NOT NULL THEN CAST('Infinity' AS float8) END

-- @number_integer
CAST({x} AS float8)

-- @number_decimal
(SELECT {plain} FROM (SELECT nullif(CAST({x} AS text), 'NaN') AS d OFFSET 0) AS n)

-- @number_float
nullif({x}, CAST('NaN' AS float8))

-- @number_single: by its shortest text, as a float4 is a decimal to whoever wrote it
nullif(CAST(CAST({x} AS text) AS float8), CAST('NaN' AS float8))

-- @number_jsonb
CASE jsonb_typeof({x})
     WHEN 'number' THEN (SELECT {plain} FROM (SELECT CAST({x} AS text) AS d OFFSET 0) AS n)
     WHEN 'null' THEN NULL
     ELSE CASE WHEN {x} IS NULL THEN NULL ELSE CAST('Infinity' AS float8) END END

-- @number: of any other kind
CASE WHEN {x} IS NULL THEN NULL ELSE CAST('Infinity' AS float8) END

-- @measure: a number, or the number under {key} of a JSON object
{number}

-- @measure_text, @measure_json, @measure_oldjson
CASE WHEN {is_object} THEN {member} ELSE {number} END

-- @measure_jsonb
CASE WHEN jsonb_typeof({x}) = 'object' THEN {member} ELSE {number} END

-- @measure_nested
CASE WHEN jsonb_typeof({document}) = 'object' THEN {member} ELSE {number} END

-- @member: the number under {key}
(SELECT CASE jsonb_typeof(j) WHEN 'number' THEN (SELECT {plain} FROM (SELECT CAST(j AS text) AS d OFFSET 0) AS n)
                             WHEN 'null' THEN NULL
                             ELSE CASE WHEN j IS NULL THEN NULL ELSE CAST('Infinity' AS float8) END END
 FROM (SELECT {document} -> {key} AS j OFFSET 0) AS m)

-- @document: jsonb, NULL when the text is not JSON
CASE WHEN pg_input_is_valid({x}, 'jsonb') THEN CAST({x} AS jsonb)
     WHEN pg_input_is_valid({mended}, 'jsonb') THEN CAST({mended} AS jsonb) END

-- @document_oldjson: is JSON, but can hold what jsonb refuses
CAST(CASE WHEN {x} ~ '[\\][uU]|[eE][-+]?[0-9]{4}' THEN {mended} ELSE {x} END AS jsonb)

-- @document_jsonb
{x}

-- @document_nested
to_jsonb({x})

-- @mended: JSON that others read and jsonb refuses: NaN and Infinity, zero characters, half surrogates, huge exponents
regexp_replace(regexp_replace(regexp_replace(replace(replace(replace({x}, '-Infinity', 'null'), 'Infinity', 'null'),
    'NaN', 'null'), '[\\]u(0000|[dD][89a-fA-F][0-9a-fA-F]{2})', '\\ufffd', 'g'),
    '([0-9][eE])[+]?[0-9]{4,}', '\1400', 'g'), '([0-9][eE]-)[0-9]{4,}', '\1400', 'g')

-- @is_list: whether a text can be a JSON list
left(ltrim({x}, chr(9) || chr(10) || chr(13) || ' '), 1) = '['

-- @is_object
left(ltrim({x}, chr(9) || chr(10) || chr(13) || ' '), 1) = '{'

-- @absent_text, @absent_json, @absent_oldjson: whether there is no value
({x} IS NULL OR {x} = 'null')

-- @absent_jsonb
({x} IS NULL OR jsonb_typeof({x}) = 'null')

-- @absent: of any other kind
({x} IS NULL)

-- @word: the text of a scalar, NULL when missing
nullif(CAST({x} AS text), 'null')

-- @word_decimal: 1 for 1.00
CAST(trim_scale({x}) AS text)

-- @word_json, @word_oldjson: without the quotation marks of a JSON string
CASE WHEN left({x}, 1) = '"' THEN substr({x}, 2, length({x}) - 2) ELSE nullif({x}, 'null') END

-- @word_jsonb
nullif({x} #>> '{}', 'null') COLLATE "C"

-- @word_boolean, @word_integer, @folded_boolean, @folded_integer
CAST({x} AS text)

-- @folded: the same with ASCII letters in lower case
lower(({word}) COLLATE "C")

-- @holds: whether the text {x} contains {text}
strpos({x}, {text}) > 0

-- @floor: the largest integer that is not above {x}, which is inside a range of scores
CAST(floor({x}) AS bigint)

-- @short_floor: the same where it is small, which is quicker to sum
CAST(floor({x}) AS integer)

-- @timestamp_text: the moment in UTC, NULL when it cannot be read
CASE WHEN {x} ~ '^{a_day}$' THEN CAST({x} AS timestamp)
     WHEN {x} ~ '^{a_day}[T ]([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]([.][0-9]+)?Z?$' THEN CAST(left({x}, 19) AS timestamp)
     WHEN {x} ~ '^{a_day}[T ]([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]([.][0-9]+)?[-+](0[0-9]|1[0-4]):[0-5][0-9]$'
     THEN CAST(left({x}, 19) || right({x}, 6) AS timestamptz) AT TIME ZONE 'UTC' END

-- @timestamp: of any other kind
CAST(NULL AS timestamp)

-- @timestamp_timestamp
{x}

-- @timestamp_timestamptz
({x} AT TIME ZONE 'UTC')

-- @timestamp_date
CAST({x} AS timestamp)

-- @a_day: a day of the calendar as text
(?!0000)([0-9]{4}-((0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])|(0[13-9]|1[0-2])-(29|30)|(0[13578]|1[02])-31)|([0-9]{2}(0[48]|[2468][048]|[13579][26])|([02468][048]|[13579][26])00)-02-29)

-- @year: the start of a year in UTC
CASE WHEN CAST({x} AS text) ~ '^[1-9][0-9]{3}$' THEN make_timestamp(CAST(CAST({x} AS text) AS integer), 1, 1, 0, 0, 0) END

-- @within: half-open
{moment} >= CAST({start} AS timestamp) AND {moment} < CAST({end} AS timestamp)

-- @within_timestamptz: in a form that an index helps
{x} >= CAST({start} AS timestamp) AT TIME ZONE 'UTC' AND {x} < CAST({end} AS timestamp) AT TIME ZONE 'UTC'

-- @within_date
{x} >= CAST({start} AS date) AND {x} < CAST({end} AS date)

-- @within_year
{moment} >= CAST({start} AS timestamp) AND {moment} < CAST({end} AS timestamp)

-- @list_text, @list_json, @list_oldjson: the flags as a jsonb list, NULL when missing or not a list
CASE WHEN {x} = '[]' THEN CAST('[]' AS jsonb) WHEN {is_list} THEN {document} END

-- @list, @object: of any other kind
CAST(NULL AS jsonb)

-- @list_jsonb
CASE WHEN jsonb_typeof({x}) = 'array' THEN {x} END

-- @list_nested
CASE WHEN jsonb_typeof({document}) = 'array' THEN {document} END

-- @object_text, @object_json, @object_oldjson: a jsonb object, NULL when missing or no object
CASE WHEN {is_object} THEN {document} END

-- @object_jsonb
CASE WHEN jsonb_typeof({x}) = 'object' THEN {x} END

-- @object_nested
CASE WHEN jsonb_typeof({document}) = 'object' THEN {document} END

-- @rows: assessments, from rows that stand for n alike
CAST(sum(n) AS bigint)

-- @rows_with
CAST(sum(CASE WHEN {x} THEN n ELSE 0 END) AS bigint)

-- @severity_count, @one_severity_count: how many flags of one severity
count(CASE WHEN y = '"{key}"' THEN 1 END)

-- @pack: several counts in one number, from one walk over the flags; most lists have none, one or two
CASE jsonb_array_length(f) WHEN 0 THEN 0 WHEN 1 THEN {first} WHEN 2 THEN {first} + {second}
     ELSE CASE WHEN f IS NOT NULL THEN
          (SELECT {packed} FROM (SELECT e -> 'severity' AS y FROM jsonb_array_elements(f) AS e OFFSET 0) AS t) END END

-- @one_flag: what the flag at {at} adds to it
CASE f -> {at} -> 'severity'{units} ELSE 0 END

-- @one_unit
 WHEN '"{key}"' THEN {unit}

-- @at_most
least({n}, {most})

-- @category_text: the decimal text of a number
CASE WHEN jsonb_typeof(j -> {key}) = 'number' THEN j ->> {key} END

-- @one_category: see plain
CASE WHEN octet_length(d{at}) < 200 THEN CAST(d{at} AS float8)
     WHEN strpos(left(d{at}, 199), '.') > 0 THEN CAST(left(d{at}, 199) AS float8)
     WHEN d{at} IS NOT NULL THEN CAST('Infinity' AS float8) END

-- @bad_category: whether there is something that is no number; NULL counts as no
NOT ja AND (j IS NULL OR jsonb_typeof(j -> {key}) <> 'null')

-- @token: how a text stands in JSON
"{x}"

-- @path: of a member
{x}

-- @tail: the last four characters of a word, with zeros before a shorter one
right('0000' || {word}, 4)

-- @code: the code point of character {at} of these four
ascii(substr({x}, {at}, 1))

-- @moment_of: the moment that {text} says
CAST({text} AS timestamp)

-- @fence: keeps the planner from computing a value again at each place that reads it
OFFSET 0

-- @kept: lets a common table expression be computed once
MATERIALIZED

-- @tables: how all count tables come from one pass
by_sets

-- @quotient: of two whole numbers that are not negative
({a} / {b})

-- @no_number: what stands for a role that is not mapped
CAST(NULL AS float8)

-- @no_word
CAST(NULL AS text)

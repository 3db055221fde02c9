-- How Spark reads one value {x}, with ANSI mode or without. Kinds: text, boolean, integer, decimal, float, single,
-- timestamp (without a zone), timestamptz, date, variant, nested (lists, maps, structs), other. JSON is read as a
-- VARIANT, as only that keeps "0.5" and 0.5 apart. Moments are microseconds since 1970 in UTC, whatever the session's
-- zone. A regular expression ends in $(?!.), because Java's $ lets a line end follow.

-- @kind_of_text
text

-- @number_text: NULL when missing (NULL, JSON null, NaN), infinity when it is not a finite number
CASE WHEN {x} IS NULL OR {x} = 'null' THEN NULL
     WHEN {x} RLIKE '(?s)^-?(0|[1-9][0-9]*)([.][0-9]+)?([eE][-+]?[0-9]+)?$(?!.)' THEN try_cast({x} AS DOUBLE)
     ELSE CAST('Infinity' AS DOUBLE) END

-- @number_integer, @number_decimal
CAST({x} AS DOUBLE)

-- @number_float
nullif({x}, CAST('NaN' AS DOUBLE))

-- @number_single: by its shortest text, as it is a decimal to whoever wrote it
nullif(try_cast(CAST({x} AS STRING) AS DOUBLE), CAST('NaN' AS DOUBLE))

-- @number_variant
{number_of_variant}

-- @number: of any other kind
CASE WHEN {x} IS NULL THEN NULL ELSE CAST('Infinity' AS DOUBLE) END

-- @number_of_variant: {x} is a VARIANT
CASE WHEN {x} IS NULL OR is_variant_null({x}) THEN NULL
     WHEN schema_of_variant({x}) RLIKE '^(BIGINT|DECIMAL|DOUBLE|FLOAT)'
     THEN nullif(try_variant_get({x}, '$', 'double'), CAST('NaN' AS DOUBLE))
     ELSE CAST('Infinity' AS DOUBLE) END

-- @measure: a number, or the number under {key} of a JSON object
{number}

-- @measure_text
CASE WHEN {first} = '{' THEN {member} ELSE {number} END

-- @measure_nested
CASE WHEN schema_of_variant({document}) LIKE 'OBJECT%' THEN {member} ELSE {number} END

-- @measure_variant
CASE WHEN schema_of_variant({x}) LIKE 'OBJECT%' THEN {member} ELSE {number} END

-- @member: the number under {key}
element_at(transform(array(try_variant_get({document}, {key}, 'variant')), n -> {number_of_n}), 1)

-- @number_of_n
CASE WHEN n IS NULL OR is_variant_null(n) THEN NULL
     WHEN schema_of_variant(n) RLIKE '^(BIGINT|DECIMAL|DOUBLE|FLOAT)'
     THEN nullif(try_variant_get(n, '$', 'double'), CAST('NaN' AS DOUBLE))
     ELSE CAST('Infinity' AS DOUBLE) END

-- @document_text: a JSON object as a VARIANT, NULL for other text. The parser ignores what follows a value, so the
-- text is parsed inside other brackets. Python writes NaN and Infinity, which are read as null.
CASE WHEN {first} = '{' AND {last} = '}'
     THEN coalesce(try_variant_get(try_parse_json(concat('[', {x}, ']')), '$[0]', 'variant'),
                   try_variant_get(try_parse_json(concat('[', {mended}, ']')), '$[0]', 'variant')) END

-- @listed_text: a JSON list as a VARIANT, NULL for other text
CASE WHEN {first} = '[' AND {last} = ']'
     THEN coalesce(try_variant_get(try_parse_json(concat('{"d":', {x}, '}')), '$.d', 'variant'),
                   try_variant_get(try_parse_json(concat('{"d":', {mended}, '}')), '$.d', 'variant')) END

-- @listed
{document}

-- @first
left(trim(BOTH ' \t\n\r' FROM {x}), 1)

-- @last
right(trim(BOTH ' \t\n\r' FROM {x}), 1)

-- @mended: JSON that others read and the parser refuses: NaN and Infinity, half surrogates
regexp_replace(replace(replace(replace({x}, '-Infinity', 'null'), 'Infinity', 'null'), 'NaN', 'null'),
               r'\\u[dD][89a-fA-F][0-9a-fA-F]{2}', r'\\ufffd')

-- @document_variant
{x}

-- @document_nested
to_variant_object({x})

-- @document: of any other kind
CAST(NULL AS VARIANT)

-- @absent_text: whether there is no value
({x} IS NULL OR {x} = 'null')

-- @absent_variant
({x} IS NULL OR is_variant_null({x}))

-- @absent: of any other kind
({x} IS NULL)

-- @word: the text of a scalar, NULL when missing
nullif(CAST({x} AS STRING), 'null')

-- @word_decimal: 1.0 for 1.00
CAST(CAST({x} AS DOUBLE) AS STRING)

-- @word_variant
nullif(try_variant_get({x}, '$', 'string'), 'null')

-- @word_nested: no word, and not empty
CASE WHEN {x} IS NOT NULL THEN '{}' END

-- @folded: the same with ASCII letters in lower case
translate({word}, 'ABCDEFGHIJKLMNOPQRSTUVWXYZ', 'abcdefghijklmnopqrstuvwxyz')

-- @holds: whether the text {x} contains {text}
contains({x}, {text})

-- @backslash: how it stands in a literal
\\

-- @floor: the largest integer that is not above {x}
CAST(floor({x}) AS BIGINT)

-- @timestamp_text: the moment in UTC, NULL when it cannot be read
unix_micros(
    CASE WHEN {x} RLIKE '(?s)^[0-9]{4}-[0-9]{2}-[0-9]{2}$(?!.)' THEN try_cast(concat({x}, 'T00:00:00Z') AS TIMESTAMP_LTZ)
         WHEN {x} RLIKE '(?s)^{seconds}([.][0-9]+)?Z?$(?!.)' THEN try_cast(concat(left({x}, 19), 'Z') AS TIMESTAMP_LTZ)
         WHEN {x} RLIKE '(?s)^{seconds}([.][0-9]+)?[-+](0[0-9]|1[0-4]):[0-5][0-9]$(?!.)'
         THEN try_cast(concat(left({x}, 19), right({x}, 6)) AS TIMESTAMP_LTZ) END)

-- @seconds
[0-9]{4}-[0-9]{2}-[0-9]{2}[T ]([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]

-- @timestamp_timestamptz
unix_micros({x})

-- @timestamp_timestamp
timestampdiff(MICROSECOND, CAST('1970-01-01 00:00:00' AS TIMESTAMP_NTZ), {x})

-- @timestamp_date
(unix_date({x}) * 86400000000)

-- @timestamp: of any other kind
CAST(NULL AS BIGINT)

-- @year: the start of a year in UTC
CASE WHEN CAST({x} AS STRING) RLIKE '(?s)^[1-9][0-9]{3}$(?!.)'
     THEN unix_date(make_date(CAST(CAST({x} AS STRING) AS INT), 1, 1)) * 86400000000 END

-- @within, @within_year: half-open
{moment} >= unix_micros(CAST(concat({start}, 'Z') AS TIMESTAMP_LTZ))
AND {moment} < unix_micros(CAST(concat({end}, 'Z') AS TIMESTAMP_LTZ))

-- @within_timestamptz: in a form that skips files
{x} >= CAST(concat({start}, 'Z') AS TIMESTAMP_LTZ) AND {x} < CAST(concat({end}, 'Z') AS TIMESTAMP_LTZ)

-- @within_timestamp
{x} >= CAST({start} AS TIMESTAMP_NTZ) AND {x} < CAST({end} AS TIMESTAMP_NTZ)

-- @within_date
{x} >= CAST({start} AS DATE) AND {x} < CAST({end} AS DATE)

-- @list: the flags with their type (k) and severity (y) where these are texts; NULL when missing or not a list
transform(try_variant_get({listed}, '$', 'array<variant>'), e -> named_struct(
    'k', CASE WHEN schema_of_variant(try_variant_get(e, '$.type', 'variant')) = 'STRING'
              THEN try_variant_get(e, '$.type', 'string') END,
    'y', CASE WHEN schema_of_variant(try_variant_get(e, '$.severity', 'variant')) = 'STRING'
              THEN try_variant_get(e, '$.severity', 'string') END))

-- @severity_count: how many flags of one severity
size(filter(f, e -> e.y = '{key}'))

-- @one_severity_count: how many flags of one type have one severity
size(filter(p, e -> e.y = '{key}'))

-- @token: how a text is compared
{x}

-- @path: of a member
$["{x}"]

-- @one_category
element_at(transform(array(try_variant_get(j, {key}, 'variant')), n -> {number_of_n}), 1)

-- @bad_category: whether there is something that is no number; NULL counts as no
NOT ja AND (j IS NULL OR schema_of_variant(j) NOT LIKE 'OBJECT%' OR {score} IS NOT NULL)

-- @tail: the last four characters of a word, with zeros before a shorter one
right(concat('0000', {word}), 4)

-- @code: the code point of character {at} of these four
ascii(substr({x}, {at}, 1))

-- @moment_of: the moment that {text} says
unix_micros(CAST(concat({text}, 'Z') AS TIMESTAMP_LTZ))

-- @tall: a row for each category; Spark computes a common table expression again for each of its readers
SELECT stratum, stack({categories}, {pairs}) AS (k, w) FROM wide

-- @tables: how all count tables come from one pass
tables_by_sets

-- @quotient: of two whole numbers that are not negative
({a} DIV {b})

-- @no_number: what stands for a role that is not mapped
CAST(NULL AS DOUBLE)

-- @no_word
CAST(NULL AS STRING)

-- How DuckDB reads one value {x}. A value of the wrong kind never aborts a query. Kinds: text, float, integer, boolean,
-- timestamp; any other is read by its type or its text.

-- @number: NULL when missing (NULL, JSON null, NaN), infinity when it is not a finite number
CASE WHEN {x} IS NULL THEN NULL
     WHEN typeof({x}) IN ('DOUBLE', 'FLOAT') AND isnan(TRY_CAST({x} AS DOUBLE)) THEN NULL
     WHEN typeof({x}) = 'DOUBLE' THEN TRY_CAST({x} AS DOUBLE)
     WHEN CAST({x} AS VARCHAR) = 'null' THEN NULL
     WHEN regexp_full_match(CAST({x} AS VARCHAR), '-?(0|[1-9][0-9]*)([.][0-9]+)?([eE][-+]?[0-9]+)?')
     THEN coalesce(TRY_CAST(CAST({x} AS VARCHAR) AS DOUBLE), CAST('Infinity' AS DOUBLE))
     ELSE CAST('Infinity' AS DOUBLE) END

-- @number_float, @measure_float
CASE WHEN NOT isnan({x}) THEN {x} END

-- @number_integer, @measure_integer
CAST({x} AS DOUBLE)

-- @measure: a number, or the number under {key} of a JSON object
CASE WHEN typeof({x}) <> 'DOUBLE' AND starts_with(ltrim({document}, {blanks}), '{')
     THEN CASE WHEN {member} IS NULL OR {member} IN ('null', 'NaN') THEN NULL
               ELSE coalesce(TRY_CAST({member} AS DOUBLE), CAST('Infinity' AS DOUBLE)) END
     ELSE {number} END

-- @member: the token under {key}
CAST(coalesce(TRY(json_extract({document}, {key})), TRY(json_extract({mended}, {key}))) AS VARCHAR)

-- @document: JSON text
CASE WHEN typeof({x}) IN ('VARCHAR', 'JSON') THEN CAST({x} AS VARCHAR) ELSE CAST(to_json({x}) AS VARCHAR) END

-- @document_text
{x}

-- @mended: the text of a document that was refused, without half surrogates
regexp_replace({document}, {halves}, '\\ufffd', 'g')

-- @halves: a half surrogate in JSON text
'[\\]u[dD][89a-fA-F][0-9a-fA-F]{2}'

-- @blanks: what may stand before JSON
chr(9) || chr(10) || chr(13) || ' '

-- @absent: whether there is no value
({x} IS NULL OR (typeof({x}) IN ('VARCHAR', 'JSON') AND CAST({x} AS VARCHAR) = 'null'))

-- @word: the text of a scalar, NULL when missing
nullif(CAST({x} AS VARCHAR), 'null')

-- @folded: the same with ASCII letters in lower case
CASE WHEN strlen(CAST({x} AS VARCHAR)) = length(CAST({x} AS VARCHAR)) THEN lower(nullif(CAST({x} AS VARCHAR), 'null'))
     ELSE translate(CAST({x} AS VARCHAR), 'ABCDEFGHIJKLMNOPQRSTUVWXYZ', 'abcdefghijklmnopqrstuvwxyz') END

-- @folded_boolean, @folded_integer, @word_boolean, @word_integer
CAST({x} AS VARCHAR)

-- @holds: whether the text {x} contains {text}
contains({x}, {text})

-- @floor: the largest integer that is not above {x}
TRY_CAST(floor({x}) AS BIGINT)

-- @timestamp: the moment in UTC, NULL when it cannot be read; the session's zone is UTC
CASE WHEN typeof({x}) = 'TIMESTAMPTZ_NS' THEN TRY_CAST(TRY_CAST({x} AS TIMESTAMPTZ) AS TIMESTAMP)
     WHEN typeof({x}) LIKE 'TIMESTAMP%' OR typeof({x}) = 'DATE' THEN TRY_CAST({x} AS TIMESTAMP)
     WHEN regexp_full_match(CAST({x} AS VARCHAR), '[0-9]{4}-[0-9]{2}-[0-9]{2}')
     THEN TRY_CAST(CAST({x} AS VARCHAR) AS TIMESTAMP)
     WHEN regexp_full_match(CAST({x} AS VARCHAR), '[0-9]{4}-[0-9]{2}-[0-9]{2}[T ]([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]([.][0-9]+)?(Z|[-+](0[0-9]|1[0-4]):[0-5][0-9])?')
     THEN TRY_CAST(TRY_CAST(substr(CAST({x} AS VARCHAR), 1, 19)
          || regexp_extract(CAST({x} AS VARCHAR), '^.{19}(?:[.][0-9]+)?(Z|[-+].*)?$', 1) AS TIMESTAMPTZ) AS TIMESTAMP) END

-- @timestamp_timestamp
{x}

-- @year: the start of a year in UTC
CASE WHEN regexp_full_match(CAST({x} AS VARCHAR), '[1-9][0-9]{3}')
     THEN TRY_CAST(CAST({x} AS VARCHAR) || '-01-01' AS TIMESTAMP) END

-- @within: half-open
{moment} >= CAST({start} AS TIMESTAMP) AND {moment} < CAST({end} AS TIMESTAMP)

-- @within_year
{moment} >= CAST({start} AS TIMESTAMP) AND {moment} < CAST({end} AS TIMESTAMP)

-- @list: the flags with their fields as JSON tokens, NULL when missing or not a list
coalesce(TRY(from_json({document}, '[{"type":"JSON","severity":"JSON"}]')),
         TRY(from_json({mended}, '[{"type":"JSON","severity":"JSON"}]')))

-- @severities: the same with one field, which is all that counts by severity read; most lists are empty
CASE WHEN {document} = '[]' THEN []
     ELSE coalesce(TRY(from_json({document}, '[{"severity":"JSON"}]')), TRY(from_json({mended}, '[{"severity":"JSON"}]'))) END

-- @some: whether the flags can be other than none; it drops most rows before a list is read
coalesce({document} <> '[]', FALSE)

-- @severity_count: how many flags of one severity
CASE WHEN len(f) = 0 THEN 0 ELSE len(list_filter(f, lambda e: CAST(e.severity AS VARCHAR) = '"{key}"')) END

-- @token: how a text stands in JSON
"{x}"

-- @path: of a member
/{x}

-- @rows: assessments, from rows that stand for n alike
sum(n)

-- @rows_with
sum(CASE WHEN {x} THEN n ELSE 0 END)

-- @one_severity_count: how many flags of one type have one severity
len(list_filter(p, lambda y: y = '"{key}"'))

-- @one_category
coalesce({typed_score}, TRY_CAST(CAST(j[{at}] AS VARCHAR) AS DOUBLE))

-- @typed_score: of the struct y
struct_extract_at(y, {place})

-- @bad_category: whether there is something that is no number; NULL counts as no
NOT ja AND (j IS NULL OR NOT starts_with(ltrim(o, {blanks}), '{')
            OR CAST(j[{at}] AS VARCHAR) NOT IN ('null', 'NaN', 'Infinity', '-Infinity'))

-- @tail: the last four characters of a word, with zeros before a shorter one; a byte each, equal modulo the fold's prime
CASE WHEN strlen({word}) > 3 AND strlen({word}) = length({word})
     THEN CAST(CAST(encode(substr({word}, strlen({word}) - 3)) AS BIT) AS INTEGER)
     WHEN {word} IS NOT NULL
     THEN unicode(substr({four}, 1, 1)) % {prime} * 16777216 + unicode(substr({four}, 2, 1)) % {prime} * 65536
          + unicode(substr({four}, 3, 1)) % {prime} * 256 + unicode(substr({four}, 4, 1)) % {prime} END

-- @four
right('0000' || {word}, 4)

-- @code: the byte of character {at} of these four
(({x} >> (32 - 8 * {at})) & 255)

-- @moment_of: the moment that {text} says
CAST({text} AS TIMESTAMP)

-- @kept: lets a common table expression be computed once
MATERIALIZED

-- @tables: how all count tables come from one pass
by_sets

-- @quotient: of two whole numbers that are not negative
({a} // {b})

-- @no_number: what stands for a role that is not mapped
CAST(NULL AS DOUBLE)

-- @no_word
CAST(NULL AS VARCHAR)

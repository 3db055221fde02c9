-- How SQLite reads one value {x}. A value of the wrong kind never aborts a query.

-- @number: NULL when missing (NULL, JSON null), infinity when it is not a finite number
CASE typeof({x})
     WHEN 'real' THEN {x}
     WHEN 'integer' THEN CAST({x} AS REAL)
     WHEN 'null' THEN NULL
     WHEN 'text' THEN CASE WHEN {x} = 'null' THEN NULL
                           WHEN {x} NOT GLOB '*[^-+.0-9eE]*' AND json_valid({x}) THEN CAST({x} AS REAL)
                           ELSE 9e999 END
     ELSE 9e999 END

-- @measure: a number, or the number under {key} of a JSON object
CASE WHEN typeof({x}) = 'text' AND ltrim({x}, char(9, 10, 13, 32)) GLOB '{*'
     THEN CASE json_type({document}, {key})
               WHEN 'integer' THEN CAST(json_extract({document}, {key}) AS REAL)
               WHEN 'real' THEN json_extract({document}, {key})
               WHEN 'null' THEN NULL
               WHEN NULL THEN NULL
               ELSE CASE WHEN json_type({document}, {key}) IS NULL THEN NULL ELSE 9e999 END END
     ELSE {number} END

-- @document: valid JSON text or NULL; Python writes NaN and Infinity, which are read as null. A text would end at a
-- zero character.
CASE WHEN typeof({x}) <> 'text' THEN NULL
     WHEN instr({x}, '\u0000') > 0 THEN CASE WHEN json_valid({x}) THEN replace({x}, '\u0000', '\ufffd') END
     WHEN json_valid({x}) THEN {x}
     WHEN json_valid(replace(replace(replace({x}, '-Infinity', 'null'), 'Infinity', 'null'), 'NaN', 'null'))
     THEN replace(replace(replace({x}, '-Infinity', 'null'), 'Infinity', 'null'), 'NaN', 'null') END

-- @absent: whether there is no value
({x} IS NULL OR {x} = 'null')

-- @word: the text of a scalar, NULL when missing
nullif(CAST({x} AS TEXT), 'null')

-- @folded: the same with ASCII letters in lower case
lower(nullif(CAST({x} AS TEXT), 'null'))

-- @holds: whether the text {x} contains {text}
instr({x}, {text}) > 0

-- @floor: the largest integer that is not above {x}
CAST({x} AS INTEGER) - ({x} < CAST({x} AS INTEGER))

-- @timestamp: the moment in UTC as 'YYYY-MM-DD HH:MM:SS', NULL when it cannot be read; the plain form first
CASE WHEN typeof({x}) <> 'text' THEN NULL
     WHEN {x} GLOB '[0-9][0-9][0-9][0-9]-[01][0-9]-[012][0-9][T ][012][0-9]:[0-5][0-9]:[0-5][0-9]*'
          AND substr({x}, 20) IN ('Z', '', '.000000') AND substr({x}, 12, 2) < '24'
          AND substr({x}, 6, 2) BETWEEN '01' AND '12' AND substr({x}, 9, 2) BETWEEN '01' AND '28'
     THEN substr({x}, 1, 10) || ' ' || substr({x}, 12, 8)
     WHEN {x} GLOB '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]'
     THEN CASE WHEN date({x}, '+0 days') = {x} THEN {x} || ' 00:00:00' END
     WHEN {x} GLOB '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9][T ][0-9][0-9]:[0-9][0-9]:[0-9][0-9]*'
          AND datetime(substr({x}, 1, 19), '+0 days') = substr({x}, 1, 10) || ' ' || substr({x}, 12, 8)
     THEN CASE WHEN length({x}) = 19 OR {zone} IN ('', 'Z') THEN substr({x}, 1, 10) || ' ' || substr({x}, 12, 8)
               WHEN {zone} GLOB '[-+][0-9][0-9]:[0-9][0-9]' THEN datetime(substr({x}, 1, 19) || {zone}) END END

-- @zone: what follows the seconds and their fraction
CASE WHEN substr({x}, 20, 2) GLOB '.[0-9]' THEN ltrim(substr({x}, 21), '0123456789') ELSE substr({x}, 20) END

-- @year: the start of a year in UTC
CASE WHEN typeof({x}) IN ('integer', 'text') AND {x} GLOB '[1-9][0-9][0-9][0-9]' THEN {x} || '-01-01 00:00:00' END

-- @within: half-open; the text bounds let an index on the column help
{x} >= {near_start} AND {x} < {near_end} AND {moment} BETWEEN {start} AND {last_second}

-- @within_year
{moment} BETWEEN {start} AND {last_second}

-- @list: the flags as JSON text, NULL when missing or not a list
CASE WHEN {x} = '[]' THEN '[]'
     WHEN typeof({x}) <> 'text' OR substr(ltrim({x}, char(9, 10, 13, 32)), 1, 1) <> '[' THEN NULL
     ELSE {document} END

-- @object: a JSON object as text, NULL when missing or no object
CASE WHEN typeof({x}) <> 'text' OR substr(ltrim({x}, char(9, 10, 13, 32)), 1, 1) <> '{' THEN NULL
     ELSE {document} END

-- @severity_count, @one_severity_count: how many flags of one severity
count(CASE WHEN y = '{key}' THEN 1 END)

-- @pack: several counts in one number, from one walk over the flags
CASE WHEN f = '[]' THEN 0 WHEN f IS NOT NULL THEN
     (SELECT {packed} FROM (SELECT CASE WHEN e.type = 'object' THEN json_extract(e.value, '$.severity') END AS y
                            FROM json_each(f) AS e)) END

-- @taken: one of those counts again
json_extract(j.value, '$[{at}]')

-- @token: how a text is compared
{x}

-- @path: of a member
$."{x}"

-- @at_most
min({n}, {most})

-- @one_category
CASE WHEN json_type(j, {key}) IN ('integer', 'real') THEN CAST(json_extract(j, {key}) AS REAL) END

-- @bad_category: whether there is something that is no number; NULL counts as no
NOT ja AND (j IS NULL OR json_type(j, {key}) <> 'null')

-- @tail: the last four characters of a word, with zeros before a shorter one
substr('0000' || {word}, -4)

-- @code: the code point of character {at} of these four
unicode(substr({x}, {at}, 1))

-- @moment_of: the moment that {text} says
{text}

-- @fence: keeps SQLite from computing a value again at each place that reads it
LIMIT -1

-- @kept: lets a common table expression be computed once
MATERIALIZED

-- @tables: how all count tables come from one pass
one_by_one

-- @quotient: of two whole numbers that are not negative
({a} / {b})

-- @no_number: what stands for a role that is not mapped
CAST(NULL AS REAL)

-- @no_word
CAST(NULL AS TEXT)

-- One row an assessment of the window: the values of its columns, typed. LIMIT -1 keeps SQLite from computing a
-- value again at each place that reads it.
-- @typed
{word:logic_version} AS v,
{number:score} AS s,
{number:confidence} AS c,
{measure:conflict} AS d,
{word:label} AS label,
{word:tier} AS tier,
{folded:sufficiency} AS sufficient,
{folded:outcome} AS outcome,
{folded:escalation} AS reason,
{list:flags} AS f

-- @derived
{floor:s_units} AS su,
{floor:c_units} AS cu,
{floor:d_units} AS du,
CASE WHEN f = '[]' THEN 0 WHEN f IS NOT NULL
     THEN (SELECT {flag_cap} FROM (SELECT 0 AS z{severity_counts} FROM ({severities}))) END AS flag_cap,
CASE WHEN f IS NULL THEN '__missing__' WHEN json_array_length(f) = 0 THEN 'none'
     ELSE (SELECT CASE {severity_worst} ELSE '__other__' END
           FROM (SELECT 0 AS z{severity_counts} FROM ({severities}))) END AS worst

-- @severities
SELECT CASE WHEN e.type = 'object' THEN json_extract(e.value, '$.severity') END AS w FROM json_each(f) AS e

-- @relation
SELECT {derived} FROM (SELECT {typed} FROM {table} WHERE {within} LIMIT -1) LIMIT -1

-- @untimed
SELECT {word:logic_version} AS v FROM {table} WHERE ({moment}) IS NULL

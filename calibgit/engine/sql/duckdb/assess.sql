-- One row an assessment of the window: the values of its columns, typed.
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
CASE WHEN f IS NOT NULL THEN {flag_cap} END AS flag_cap,
CASE WHEN f IS NULL THEN '__missing__' WHEN len(f) = 0 THEN 'none'
     ELSE CASE {severity_worst} ELSE '__other__' END END AS worst

-- @relation
SELECT {derived} FROM (SELECT *{severity_counts} FROM (SELECT {typed} FROM {table} WHERE {within}))

-- @untimed
SELECT {word:logic_version} AS v FROM {table} WHERE ({moment}) IS NULL

-- One row an assessment of the window: the values of its columns, typed, and its flags counted by severity. LIMIT -1
-- keeps SQLite from computing a value again at each place that reads it.
-- @typed
{word:logic_version} AS v,
{number:score} AS s,
{number:confidence} AS c,
{measure:conflict} AS d,
{word:label} AS label,
{word:tier} AS tier,
{word:group} AS g,
{word:subject} AS u,
{tail:subject} AS tail,
{number:feedback} AS fb,
{folded:sufficiency} AS sufficient,
{folded:outcome} AS outcome,
{folded:escalation} AS reason,
{moment} AS m,
{list:flags} AS f,
{absent:flags} AS fn

-- @relation
SELECT {typed} FROM {table} WHERE {within} LIMIT -1

-- @with_flags
SELECT {plain}, nf{severity_unpacked}
FROM (SELECT *, CASE WHEN f = '[]' THEN 0 ELSE json_array_length(f) END AS nf{packs}
      FROM (SELECT {typed} FROM {table} WHERE {within} LIMIT -1) LIMIT -1)

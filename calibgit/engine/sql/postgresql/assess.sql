-- One row an assessment of the window: the values of its columns, typed, and its flags counted by severity. OFFSET 0
-- keeps the planner from computing a value again at each place that reads it.
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
SELECT {typed} FROM {table} AS r WHERE {within} OFFSET 0

-- @with_flags
SELECT {plain}, nf{severity_unpacked}
FROM (SELECT a.*, jsonb_array_length(f) AS nf{packs}
      FROM (SELECT {typed} FROM {table} AS r WHERE {within} OFFSET 0) AS a OFFSET 0) AS b

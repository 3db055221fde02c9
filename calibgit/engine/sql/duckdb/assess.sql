-- One row an assessment of the window: the values of its columns, typed, and its flags counted by severity.
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
{severities:flags} AS f,
{absent:flags} AS fn

-- @relation
SELECT {typed} FROM {table} WHERE {within}

-- @with_flags
SELECT {plain}, len(f) AS nf{severity_counts} FROM (SELECT {typed} FROM {table} WHERE {within})

-- One row a flag type of an assessment: how often it occurs (o) and how often with each severity (c0, c1, ...).
-- @relation
SELECT v, k, o{names}
FROM (SELECT v, f FROM (SELECT {word:logic_version} AS v, {number:score} AS s, {list:flags} AS f
                           FROM {table} AS r WHERE {within} OFFSET 0) AS a WHERE s BETWEEN {low} AND {high} AND f <> '[]' OFFSET 0) AS b
CROSS JOIN LATERAL (SELECT {flag_key} AS k, count(*) AS o{counts}
                    FROM (SELECT CASE WHEN jsonb_typeof(e -> 'type') = 'string' THEN e -> 'type' END AS w,
                                 e -> 'severity' AS y
                          FROM jsonb_array_elements(f) AS e OFFSET 0) AS t GROUP BY 1) AS q

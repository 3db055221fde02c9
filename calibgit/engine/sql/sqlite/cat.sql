-- One row a known category of an assessment; x is NULL or infinite when it holds no number.
-- @relation
SELECT v, s, j.key AS k, CASE WHEN j.type IN ('integer', 'real') THEN CAST(j.value AS REAL) END AS x
FROM (SELECT {word:logic_version} AS v, {number:score} AS s, {object:category_scores} AS m
      FROM {table} WHERE {within} LIMIT -1), json_each(m) AS j
WHERE j.key IN ({category_keys})

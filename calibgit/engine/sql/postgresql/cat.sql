-- One row a known category of an assessment; x is NULL or infinite when it holds no number.
-- @relation
SELECT v, s, k, {plain} AS x
FROM (SELECT v, s, k, CASE WHEN jsonb_typeof(j) = 'number' THEN CAST(j AS text) END AS d
      FROM (SELECT {word:logic_version} AS v, {number:score} AS s, {object:category_scores} AS m
            FROM {table} AS r WHERE {within} OFFSET 0) AS a
      CROSS JOIN LATERAL (VALUES {category_members}) AS c (k, j) OFFSET 0) AS b OFFSET 0

-- One row a known category of an assessment; x is NULL or infinite when it holds no number.
-- @relation
SELECT v, s, k, x
FROM (SELECT {word:logic_version} AS v, {number:score} AS s, {document:category_scores} AS m
      FROM {table} WHERE {within}) AS a LATERAL VIEW inline(array({category_members})) AS k, x

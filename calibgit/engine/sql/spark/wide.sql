-- One row an assessment: x0, x1, ... are its scores by category; NULL or infinite where there is no number.
-- @relation
SELECT v, s{wide}
FROM (SELECT {word:logic_version} AS v, {number:score} AS s, {document:category_scores} AS j
      FROM {table} WHERE {within}) AS a

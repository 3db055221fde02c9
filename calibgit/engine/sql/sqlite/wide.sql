-- One row an assessment: x0, x1, ... are its scores by category; NULL where there is no number.
-- @relation
SELECT v, s{wide}
FROM (SELECT {word:logic_version} AS v, {number:score} AS s, {object:category_scores} AS j
      FROM {table} WHERE {within} LIMIT -1) LIMIT -1

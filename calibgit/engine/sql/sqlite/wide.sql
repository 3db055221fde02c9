-- One row an assessment: x0, x1, ... are its scores by category, NULL where there is no number; j is the object, ja
-- whether there is no value.
-- @relation
SELECT v, s, ja, j{wide}
FROM (SELECT {word:logic_version} AS v, {number:score} AS s, {object:category_scores} AS j,
             {absent:category_scores} AS ja
      FROM {table} WHERE {within} LIMIT -1) LIMIT -1

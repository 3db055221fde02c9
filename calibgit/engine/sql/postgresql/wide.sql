-- One row an assessment: x0, x1, ... are its scores by category; NULL or infinite where there is no number.
-- @relation
SELECT v, s{wide}
FROM (SELECT v, s{texts}
      FROM (SELECT {word:logic_version} AS v, {number:score} AS s, {object:category_scores} AS j
            FROM {table} AS r WHERE {within} OFFSET 0) AS a OFFSET 0) AS b OFFSET 0

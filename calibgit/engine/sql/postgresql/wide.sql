-- One row an assessment: x0, x1, ... are its scores by category, NULL where there is no number and infinite where it is
-- too large; j is the object, ja whether there is no value.
-- @relation
SELECT v, s, ja, j{wide}
FROM (SELECT v, s, ja, j{texts}
      FROM (SELECT {word:logic_version} AS v, {number:score} AS s, {object:category_scores} AS j,
                   {absent:category_scores} AS ja
            FROM {table} AS r WHERE {within} OFFSET 0) AS a OFFSET 0) AS b OFFSET 0

-- One row an assessment with a score: closed words and bins.
-- @relation
SELECT {columns}
FROM (SELECT b.*{caps}
      FROM (SELECT a.*, {fixed} FROM ({assess}) AS a WHERE s BETWEEN {low} AND {high} {fence}) AS b {fence}) AS c {fence}

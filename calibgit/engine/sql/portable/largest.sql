-- Rows of the subjects with most rows, over all versions. Those without a subject count as one subject.
-- @relation
SELECT n FROM (SELECT u, count(*) AS n FROM ({assess}) AS a WHERE s BETWEEN {low} AND {high} GROUP BY 1) AS g
ORDER BY 1 DESC LIMIT {ranks}

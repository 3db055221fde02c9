-- Rows of the subjects with most rows, over all versions. Those without a subject count as one subject. Rows whose score
-- cannot be counted are among them, because their number may be published too.
-- @relation
SELECT n FROM (SELECT u, count(*) AS n FROM ({assess}) AS a GROUP BY 1) AS g
ORDER BY 1 DESC LIMIT {ranks}

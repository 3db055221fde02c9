-- Sums of scores and of products of two, over the assessments that have a score in every category.
-- @relation
SELECT {stratum} AS k0, count(*) AS n, {sums}
FROM (SELECT v, {units} FROM ({wide}) AS a WHERE s BETWEEN {low} AND {high} AND {valid} {fence}) AS b GROUP BY 1

-- How many assessments are counted, read before all others and again after them, where data can change meanwhile.
-- @relation
SELECT {stratum} AS k0, count(*) AS n FROM ({assess}) AS a WHERE s BETWEEN {low} AND {high} GROUP BY 1

-- For each flag type: assessments with it, how often it occurs in one, and with which severities.
-- @relation
SELECT {stratum} AS k0, k AS k1, {rows} AS n, {occurrences}, {severities}
FROM ({flag}) AS a GROUP BY 1, 2

-- Over the subjects: how many there are, and sums of their rows and of their rows with an indicator, squared too.
-- @relation
SELECT stratum AS k0, count(*) AS n, sum(n), sum(n * n), {sums}
FROM (SELECT stratum, u, count(*) AS n, {indicators} FROM ({facts}) AS f GROUP BY 1, 2) AS g GROUP BY 1

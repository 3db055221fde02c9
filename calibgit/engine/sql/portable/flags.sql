SELECT {stratum} AS k0, k AS k1, count(*) AS n
FROM ({flag}) AS a WHERE s BETWEEN {low} AND {high} GROUP BY 1, 2

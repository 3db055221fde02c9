SELECT {stratum} AS k0, {reason} AS k1, count(*) AS n
FROM ({assess}) AS a WHERE s IS NULL OR NOT (s BETWEEN {low} AND {high}) GROUP BY 1, 2

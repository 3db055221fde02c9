SELECT {stratum} AS k0, 'time_unreadable' AS k1, count(*) AS n
FROM ({untimed}) AS a GROUP BY 1, 2

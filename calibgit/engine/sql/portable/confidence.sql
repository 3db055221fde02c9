SELECT stratum AS k0, label AS k1, outcome AS k2, confidence AS k3, confidence_bin AS k4, count(*) AS n
FROM ({facts}) AS a GROUP BY 1, 2, 3, 4, 5

SELECT stratum AS k0, cap AS k1, implied AS k2, label AS k3, score_bin AS k4, count(*) AS n
FROM ({facts}) AS a GROUP BY 1, 2, 3, 4, 5

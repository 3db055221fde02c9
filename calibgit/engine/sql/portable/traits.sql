SELECT stratum AS k0, worst AS k1, escalation AS k2, tier AS k3, sufficiency AS k4,
       conflict AS k5, conflict_bin AS k6, count(*) AS n
FROM ({facts}) AS a GROUP BY 1, 2, 3, 4, 5, 6, 7

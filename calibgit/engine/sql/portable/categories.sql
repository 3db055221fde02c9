-- For each category: a histogram of its scores, and their sum in fixed point.
-- @relation
SELECT {stratum} AS k0, k AS k1, {bin} AS k2, count(*) AS n, sum(w) AS t
FROM (SELECT v, k, {units} AS w FROM ({cat}) AS a WHERE s BETWEEN {low} AND {high} AND x BETWEEN {low} AND {high}
      {fence}) AS b GROUP BY 1, 2, 3

-- Category scores by bin, and the sums of their products: each object is read once.
WITH parsed AS MATERIALIZED (
  SELECT CASE logic_version WHEN '1.0.0' THEN logic_version ELSE '__other__' END AS v,
         CAST(category_scores ->> 'expertise' AS float8) AS d0,
         CAST(category_scores ->> 'reasoning' AS float8) AS d1,
         CAST(category_scores ->> 'communication' AS float8) AS d2,
         CAST(category_scores ->> 'reliability' AS float8) AS d3,
         CAST(category_scores ->> 'collaboration' AS float8) AS d4
  FROM scan_results
  WHERE created_at >= '2024-03-01' AND created_at < '2024-03-31' AND overall_score BETWEEN 0 AND 100
), tenths AS (
  SELECT v, CAST(floor(d0 * 10 + 0.5) AS integer) AS x0, CAST(floor(d1 * 10 + 0.5) AS integer) AS x1, CAST(floor(d2 * 10 + 0.5) AS integer) AS x2,
         CAST(floor(d3 * 10 + 0.5) AS integer) AS x3, CAST(floor(d4 * 10 + 0.5) AS integer) AS x4
  FROM parsed WHERE d0 IS NOT NULL AND d1 IS NOT NULL AND d2 IS NOT NULL AND d3 IS NOT NULL AND d4 IS NOT NULL OFFSET 0
), sums AS (
  SELECT v, count(*) AS n, sum(x0) AS s0, sum(x1) AS s1, sum(x2) AS s2, sum(x3) AS s3, sum(x4) AS s4,
         sum(x0 * x0) AS p00, sum(x0 * x1) AS p01, sum(x0 * x2) AS p02, sum(x0 * x3) AS p03, sum(x0 * x4) AS p04,
         sum(x1 * x1) AS p11, sum(x1 * x2) AS p12, sum(x1 * x3) AS p13, sum(x1 * x4) AS p14,
         sum(x2 * x2) AS p22, sum(x2 * x3) AS p23, sum(x2 * x4) AS p24,
         sum(x3 * x3) AS p33, sum(x3 * x4) AS p34,
         sum(x4 * x4) AS p44
  FROM tenths GROUP BY v
), gaps AS (
  SELECT v, count(*) - count(d0) AS g0, count(*) - count(d1) AS g1, count(*) - count(d2) AS g2, count(*) - count(d3) AS g3, count(*) - count(d4) AS g4
  FROM parsed GROUP BY v
), bins AS MATERIALIZED (
  SELECT 'expertise' AS k, v, w / 500 AS b, count(*) AS n, sum(w) AS t, sum((w % 500) * (w % 500)) AS q
  FROM (SELECT v, CAST(floor(d0 * 100 + 0.5) AS integer) AS w FROM parsed WHERE d0 IS NOT NULL OFFSET 0) AS one
  GROUP BY 2, 3
  UNION ALL
  SELECT 'reasoning' AS k, v, w / 500 AS b, count(*) AS n, sum(w) AS t, sum((w % 500) * (w % 500)) AS q
  FROM (SELECT v, CAST(floor(d1 * 100 + 0.5) AS integer) AS w FROM parsed WHERE d1 IS NOT NULL OFFSET 0) AS one
  GROUP BY 2, 3
  UNION ALL
  SELECT 'communication' AS k, v, w / 500 AS b, count(*) AS n, sum(w) AS t, sum((w % 500) * (w % 500)) AS q
  FROM (SELECT v, CAST(floor(d2 * 100 + 0.5) AS integer) AS w FROM parsed WHERE d2 IS NOT NULL OFFSET 0) AS one
  GROUP BY 2, 3
  UNION ALL
  SELECT 'reliability' AS k, v, w / 500 AS b, count(*) AS n, sum(w) AS t, sum((w % 500) * (w % 500)) AS q
  FROM (SELECT v, CAST(floor(d3 * 100 + 0.5) AS integer) AS w FROM parsed WHERE d3 IS NOT NULL OFFSET 0) AS one
  GROUP BY 2, 3
  UNION ALL
  SELECT 'collaboration' AS k, v, w / 500 AS b, count(*) AS n, sum(w) AS t, sum((w % 500) * (w % 500)) AS q
  FROM (SELECT v, CAST(floor(d4 * 100 + 0.5) AS integer) AS w FROM parsed WHERE d4 IS NOT NULL OFFSET 0) AS one
  GROUP BY 2, 3
)
SELECT 'category', v, ARRAY[k], b, n, t FROM bins
UNION ALL SELECT 'category_spread', v, ARRAY[k], b, 0, q FROM bins WHERE q > 0
UNION ALL SELECT 'category_state', v, ARRAY['expertise', 'missing'], NULL, g0, 0 FROM gaps
UNION ALL SELECT 'category_state', v, ARRAY['reasoning', 'missing'], NULL, g1, 0 FROM gaps
UNION ALL SELECT 'category_state', v, ARRAY['communication', 'missing'], NULL, g2, 0 FROM gaps
UNION ALL SELECT 'category_state', v, ARRAY['reliability', 'missing'], NULL, g3, 0 FROM gaps
UNION ALL SELECT 'category_state', v, ARRAY['collaboration', 'missing'], NULL, g4, 0 FROM gaps
UNION ALL SELECT 'moments', v, CAST(ARRAY[] AS text[]), NULL, n, 0 FROM sums
UNION ALL SELECT 'moments', v, ARRAY['expertise'], NULL, 0, s0 FROM sums
UNION ALL SELECT 'moments', v, ARRAY['reasoning'], NULL, 0, s1 FROM sums
UNION ALL SELECT 'moments', v, ARRAY['communication'], NULL, 0, s2 FROM sums
UNION ALL SELECT 'moments', v, ARRAY['reliability'], NULL, 0, s3 FROM sums
UNION ALL SELECT 'moments', v, ARRAY['collaboration'], NULL, 0, s4 FROM sums
UNION ALL SELECT 'moments', v, ARRAY['expertise', 'expertise'], NULL, 0, p00 FROM sums
UNION ALL SELECT 'moments', v, ARRAY['expertise', 'reasoning'], NULL, 0, p01 FROM sums
UNION ALL SELECT 'moments', v, ARRAY['expertise', 'communication'], NULL, 0, p02 FROM sums
UNION ALL SELECT 'moments', v, ARRAY['expertise', 'reliability'], NULL, 0, p03 FROM sums
UNION ALL SELECT 'moments', v, ARRAY['expertise', 'collaboration'], NULL, 0, p04 FROM sums
UNION ALL SELECT 'moments', v, ARRAY['reasoning', 'reasoning'], NULL, 0, p11 FROM sums
UNION ALL SELECT 'moments', v, ARRAY['reasoning', 'communication'], NULL, 0, p12 FROM sums
UNION ALL SELECT 'moments', v, ARRAY['reasoning', 'reliability'], NULL, 0, p13 FROM sums
UNION ALL SELECT 'moments', v, ARRAY['reasoning', 'collaboration'], NULL, 0, p14 FROM sums
UNION ALL SELECT 'moments', v, ARRAY['communication', 'communication'], NULL, 0, p22 FROM sums
UNION ALL SELECT 'moments', v, ARRAY['communication', 'reliability'], NULL, 0, p23 FROM sums
UNION ALL SELECT 'moments', v, ARRAY['communication', 'collaboration'], NULL, 0, p24 FROM sums
UNION ALL SELECT 'moments', v, ARRAY['reliability', 'reliability'], NULL, 0, p33 FROM sums
UNION ALL SELECT 'moments', v, ARRAY['reliability', 'collaboration'], NULL, 0, p34 FROM sums
UNION ALL SELECT 'moments', v, ARRAY['collaboration', 'collaboration'], NULL, 0, p44 FROM sums

-- Category scores by bin, and the sums of their products: each JSON text is parsed once.
WITH parsed AS MATERIALIZED (
  SELECT v, j.expertise AS d0, j.reasoning AS d1, j.communication AS d2, j.reliability AS d3, j.collaboration AS d4
  FROM (SELECT CASE logic_version WHEN '1.0.0' THEN logic_version ELSE '__other__' END AS v,
               from_json(category_scores, '{"expertise": "DOUBLE", "reasoning": "DOUBLE", "communication": "DOUBLE",
                                            "reliability": "DOUBLE", "collaboration": "DOUBLE"}') AS j
        FROM scan_results
        WHERE created_at >= TIMESTAMP '2024-03-01' AND created_at < TIMESTAMP '2024-03-31'
          AND overall_score BETWEEN 0 AND 100)
), tenths AS (
  SELECT v, CAST(floor(d0 * 10 + 0.5) AS INTEGER) AS x0, CAST(floor(d1 * 10 + 0.5) AS INTEGER) AS x1, CAST(floor(d2 * 10 + 0.5) AS INTEGER) AS x2,
         CAST(floor(d3 * 10 + 0.5) AS INTEGER) AS x3, CAST(floor(d4 * 10 + 0.5) AS INTEGER) AS x4
  FROM parsed WHERE d0 IS NOT NULL AND d1 IS NOT NULL AND d2 IS NOT NULL AND d3 IS NOT NULL AND d4 IS NOT NULL
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
  SELECT 'expertise' AS k, v, w // 500 AS b, count(*) AS n, sum(w) AS t, sum((w % 500) * (w % 500)) AS q
  FROM (SELECT v, CAST(floor(d0 * 100 + 0.5) AS INTEGER) AS w FROM parsed WHERE d0 IS NOT NULL) GROUP BY ALL
  UNION ALL
  SELECT 'reasoning' AS k, v, w // 500 AS b, count(*) AS n, sum(w) AS t, sum((w % 500) * (w % 500)) AS q
  FROM (SELECT v, CAST(floor(d1 * 100 + 0.5) AS INTEGER) AS w FROM parsed WHERE d1 IS NOT NULL) GROUP BY ALL
  UNION ALL
  SELECT 'communication' AS k, v, w // 500 AS b, count(*) AS n, sum(w) AS t, sum((w % 500) * (w % 500)) AS q
  FROM (SELECT v, CAST(floor(d2 * 100 + 0.5) AS INTEGER) AS w FROM parsed WHERE d2 IS NOT NULL) GROUP BY ALL
  UNION ALL
  SELECT 'reliability' AS k, v, w // 500 AS b, count(*) AS n, sum(w) AS t, sum((w % 500) * (w % 500)) AS q
  FROM (SELECT v, CAST(floor(d3 * 100 + 0.5) AS INTEGER) AS w FROM parsed WHERE d3 IS NOT NULL) GROUP BY ALL
  UNION ALL
  SELECT 'collaboration' AS k, v, w // 500 AS b, count(*) AS n, sum(w) AS t, sum((w % 500) * (w % 500)) AS q
  FROM (SELECT v, CAST(floor(d4 * 100 + 0.5) AS INTEGER) AS w FROM parsed WHERE d4 IS NOT NULL) GROUP BY ALL
)
SELECT 'category', v, [k], b, n, t FROM bins
UNION ALL SELECT 'category_spread', v, [k], b, 0, q FROM bins WHERE q > 0
UNION ALL SELECT 'category_state', v, ['expertise', 'missing'], NULL, g0, 0 FROM gaps
UNION ALL SELECT 'category_state', v, ['reasoning', 'missing'], NULL, g1, 0 FROM gaps
UNION ALL SELECT 'category_state', v, ['communication', 'missing'], NULL, g2, 0 FROM gaps
UNION ALL SELECT 'category_state', v, ['reliability', 'missing'], NULL, g3, 0 FROM gaps
UNION ALL SELECT 'category_state', v, ['collaboration', 'missing'], NULL, g4, 0 FROM gaps
UNION ALL SELECT 'moments', v, CAST([] AS VARCHAR[]), NULL, n, 0 FROM sums
UNION ALL SELECT 'moments', v, ['expertise'], NULL, 0, s0 FROM sums
UNION ALL SELECT 'moments', v, ['reasoning'], NULL, 0, s1 FROM sums
UNION ALL SELECT 'moments', v, ['communication'], NULL, 0, s2 FROM sums
UNION ALL SELECT 'moments', v, ['reliability'], NULL, 0, s3 FROM sums
UNION ALL SELECT 'moments', v, ['collaboration'], NULL, 0, s4 FROM sums
UNION ALL SELECT 'moments', v, ['expertise', 'expertise'], NULL, 0, p00 FROM sums
UNION ALL SELECT 'moments', v, ['expertise', 'reasoning'], NULL, 0, p01 FROM sums
UNION ALL SELECT 'moments', v, ['expertise', 'communication'], NULL, 0, p02 FROM sums
UNION ALL SELECT 'moments', v, ['expertise', 'reliability'], NULL, 0, p03 FROM sums
UNION ALL SELECT 'moments', v, ['expertise', 'collaboration'], NULL, 0, p04 FROM sums
UNION ALL SELECT 'moments', v, ['reasoning', 'reasoning'], NULL, 0, p11 FROM sums
UNION ALL SELECT 'moments', v, ['reasoning', 'communication'], NULL, 0, p12 FROM sums
UNION ALL SELECT 'moments', v, ['reasoning', 'reliability'], NULL, 0, p13 FROM sums
UNION ALL SELECT 'moments', v, ['reasoning', 'collaboration'], NULL, 0, p14 FROM sums
UNION ALL SELECT 'moments', v, ['communication', 'communication'], NULL, 0, p22 FROM sums
UNION ALL SELECT 'moments', v, ['communication', 'reliability'], NULL, 0, p23 FROM sums
UNION ALL SELECT 'moments', v, ['communication', 'collaboration'], NULL, 0, p24 FROM sums
UNION ALL SELECT 'moments', v, ['reliability', 'reliability'], NULL, 0, p33 FROM sums
UNION ALL SELECT 'moments', v, ['reliability', 'collaboration'], NULL, 0, p34 FROM sums
UNION ALL SELECT 'moments', v, ['collaboration', 'collaboration'], NULL, 0, p44 FROM sums

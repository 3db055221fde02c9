-- Over the subjects: how many, their rows and those with an indicator, and the squares of both.
WITH subjects AS (
  SELECT v, u, count(*) AS n,
         count(*) FILTER (WHERE category = 'excellent') AS y0,
         count(*) FILTER (WHERE category = 'good') AS y1,
         count(*) FILTER (WHERE category = 'fair') AS y2,
         count(*) FILTER (WHERE category = 'weak') AS y3,
         count(*) FILTER (WHERE category = 'poor') AS y4,
         count(*) FILTER (WHERE critical) AS y5,
         count(*) FILTER (WHERE flagged) AS y6,
         count(*) FILTER (WHERE reason <> '') AS y7,
         count(*) FILTER (WHERE NOT sufficient) AS y8
  FROM (SELECT logic_version AS v, subject AS u, category, data_sufficiency AS sufficient, escalation_reason AS reason,
               red_flags <> '[]' AS flagged,
               red_flags @> '[{"severity": "critical"}]' AS critical
        FROM scan_results
        WHERE created_at >= TIMESTAMP '2024-03-01' AND created_at < TIMESTAMP '2024-03-31'
          AND overall_score BETWEEN 0 AND 100)
        AS typed
  GROUP BY v, u
), sums AS (
  SELECT CASE v WHEN '1.0.0' THEN v ELSE '__other__' END AS v,
         count(*) AS subjects, sum(n) AS rows, sum(n * n) AS rows_squared,
         sum(y0) AS s0, sum(n * y0) AS w0, sum(y0 * y0) AS q0,
         sum(y1) AS s1, sum(n * y1) AS w1, sum(y1 * y1) AS q1,
         sum(y2) AS s2, sum(n * y2) AS w2, sum(y2 * y2) AS q2,
         sum(y3) AS s3, sum(n * y3) AS w3, sum(y3 * y3) AS q3,
         sum(y4) AS s4, sum(n * y4) AS w4, sum(y4 * y4) AS q4,
         sum(y5) AS s5, sum(n * y5) AS w5, sum(y5 * y5) AS q5,
         sum(y6) AS s6, sum(n * y6) AS w6, sum(y6 * y6) AS q6,
         sum(y7) AS s7, sum(n * y7) AS w7, sum(y7 * y7) AS q7,
         sum(y8) AS s8, sum(n * y8) AS w8, sum(y8 * y8) AS q8
  FROM subjects GROUP BY 1
)
SELECT 'clusters', v, ARRAY['subjects'], NULL, subjects, 0 FROM sums
UNION ALL SELECT 'clusters', v, ARRAY['rows'], NULL, 0, rows FROM sums
UNION ALL SELECT 'clusters', v, ARRAY['rows', 'squared'], NULL, 0, rows_squared FROM sums
UNION ALL SELECT 'clusters', v, ARRAY['label:excellent', 'sum'], NULL, 0, s0 FROM sums
UNION ALL SELECT 'clusters', v, ARRAY['label:excellent', 'with_rows'], NULL, 0, w0 FROM sums
UNION ALL SELECT 'clusters', v, ARRAY['label:excellent', 'squared'], NULL, 0, q0 FROM sums
UNION ALL SELECT 'clusters', v, ARRAY['label:good', 'sum'], NULL, 0, s1 FROM sums
UNION ALL SELECT 'clusters', v, ARRAY['label:good', 'with_rows'], NULL, 0, w1 FROM sums
UNION ALL SELECT 'clusters', v, ARRAY['label:good', 'squared'], NULL, 0, q1 FROM sums
UNION ALL SELECT 'clusters', v, ARRAY['label:fair', 'sum'], NULL, 0, s2 FROM sums
UNION ALL SELECT 'clusters', v, ARRAY['label:fair', 'with_rows'], NULL, 0, w2 FROM sums
UNION ALL SELECT 'clusters', v, ARRAY['label:fair', 'squared'], NULL, 0, q2 FROM sums
UNION ALL SELECT 'clusters', v, ARRAY['label:weak', 'sum'], NULL, 0, s3 FROM sums
UNION ALL SELECT 'clusters', v, ARRAY['label:weak', 'with_rows'], NULL, 0, w3 FROM sums
UNION ALL SELECT 'clusters', v, ARRAY['label:weak', 'squared'], NULL, 0, q3 FROM sums
UNION ALL SELECT 'clusters', v, ARRAY['label:poor', 'sum'], NULL, 0, s4 FROM sums
UNION ALL SELECT 'clusters', v, ARRAY['label:poor', 'with_rows'], NULL, 0, w4 FROM sums
UNION ALL SELECT 'clusters', v, ARRAY['label:poor', 'squared'], NULL, 0, q4 FROM sums
UNION ALL SELECT 'clusters', v, ARRAY['severity:critical', 'sum'], NULL, 0, s5 FROM sums
UNION ALL SELECT 'clusters', v, ARRAY['severity:critical', 'with_rows'], NULL, 0, w5 FROM sums
UNION ALL SELECT 'clusters', v, ARRAY['severity:critical', 'squared'], NULL, 0, q5 FROM sums
UNION ALL SELECT 'clusters', v, ARRAY['flagged', 'sum'], NULL, 0, s6 FROM sums
UNION ALL SELECT 'clusters', v, ARRAY['flagged', 'with_rows'], NULL, 0, w6 FROM sums
UNION ALL SELECT 'clusters', v, ARRAY['flagged', 'squared'], NULL, 0, q6 FROM sums
UNION ALL SELECT 'clusters', v, ARRAY['escalated', 'sum'], NULL, 0, s7 FROM sums
UNION ALL SELECT 'clusters', v, ARRAY['escalated', 'with_rows'], NULL, 0, w7 FROM sums
UNION ALL SELECT 'clusters', v, ARRAY['escalated', 'squared'], NULL, 0, q7 FROM sums
UNION ALL SELECT 'clusters', v, ARRAY['insufficient', 'sum'], NULL, 0, s8 FROM sums
UNION ALL SELECT 'clusters', v, ARRAY['insufficient', 'with_rows'], NULL, 0, w8 FROM sums
UNION ALL SELECT 'clusters', v, ARRAY['insufficient', 'squared'], NULL, 0, q8 FROM sums

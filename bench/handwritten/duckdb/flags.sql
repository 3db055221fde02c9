-- Flags by type. The lists themselves are grouped first: few differ, so the rest of the work is small.
WITH lists AS (
  SELECT v, f, count(*) AS n, row_number() OVER () AS which
  FROM (SELECT logic_version AS v,
               from_json(red_flags, '[{"type": "VARCHAR", "severity": "VARCHAR"}]') AS f
        FROM scan_results
        WHERE created_at >= TIMESTAMP '2024-03-01' AND created_at < TIMESTAMP '2024-03-31'
          AND overall_score BETWEEN 0 AND 100 AND red_flags <> '[]')
  GROUP BY ALL
), pairs AS (
  SELECT which, CASE v WHEN '1.0.0' THEN v ELSE '__other__' END AS v, n,
         CASE WHEN e.type IN ('contradiction', 'evasion', 'exaggeration', 'late_response', 'missing_evidence',
                              'plagiarism', 'pressure', 'scope_gap') THEN e.type
              WHEN e.type IS NULL THEN '__missing__' ELSE '__other__' END AS type,
         CASE WHEN e.severity IN ('critical', 'high', 'medium', 'low') THEN e.severity ELSE '__other__' END AS severity
  FROM (SELECT which, v, n, unnest(f) AS e FROM lists)
), counted AS (
  SELECT which, v, n, type, least(count(*), 5) AS often, list_distinct(list(severity)) AS severities FROM pairs GROUP BY ALL
)
SELECT 'flag_occurrences', v, [type, CAST(often AS VARCHAR)], NULL, sum(n), 0 FROM counted GROUP BY ALL
UNION ALL
SELECT 'flag_severities', v, [type, severity], NULL, sum(n), 0
FROM (SELECT v, n, type, unnest(severities) AS severity FROM counted) GROUP BY ALL

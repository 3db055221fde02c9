-- Flags by type. The lists themselves are grouped first, as far as they matter: few differ.
WITH lists AS (
  SELECT row_number() OVER () AS which, v, types, severities, n
  FROM (SELECT logic_version AS v, jsonb_path_query_array(red_flags, '$[*].type') AS types,
               jsonb_path_query_array(red_flags, '$[*].severity') AS severities, count(*) AS n
        FROM scan_results
        WHERE created_at >= '2024-03-01' AND created_at < '2024-03-31' AND overall_score BETWEEN 0 AND 100
          AND red_flags <> '[]'
        GROUP BY 1, 2, 3) AS few
), pairs AS (
  SELECT which, CASE v WHEN '1.0.0' THEN v ELSE '__other__' END AS v, n,
         CASE WHEN type IN ('contradiction', 'evasion', 'exaggeration', 'late_response', 'missing_evidence',
                            'plagiarism', 'pressure', 'scope_gap') THEN type
              WHEN type IS NULL THEN '__missing__' ELSE '__other__' END AS type,
         CASE WHEN severity IN ('critical', 'high', 'medium', 'low') THEN severity ELSE '__other__' END AS severity
  FROM lists, ROWS FROM (jsonb_array_elements_text(types), jsonb_array_elements_text(severities)) AS one (type, severity)
), counted AS (
  SELECT which, v, n, type, least(count(*), 5) AS often, array_agg(DISTINCT severity) AS severities
  FROM pairs GROUP BY 1, 2, 3, 4
)
SELECT 'flag_occurrences', v, ARRAY[type, often::text], NULL, sum(n), 0 FROM counted GROUP BY 2, 3
UNION ALL
SELECT 'flag_severities', v, ARRAY[type, severity], NULL, sum(n), 0
FROM counted, unnest(severities) AS severity GROUP BY 2, 3

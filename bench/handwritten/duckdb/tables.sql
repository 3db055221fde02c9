-- All count tables: four groupings of the assessments from one pass, and the twelve tables from these few rows.
WITH typed AS (
  SELECT logic_version AS v, category AS label, data_sufficiency AS sufficient, tier, outcome, created_at,
         CAST(CAST(encode(substr(subject, strlen(subject) - 3)) AS BIT) AS INTEGER) AS tail,
         CASE WHEN escalation_reason IS NULL OR escalation_reason = '' THEN 'none'
              WHEN contains(lower(escalation_reason), 'pattern recurrence') THEN 'pattern'
              WHEN contains(lower(escalation_reason), 'low confidence') THEN 'confidence'
              WHEN contains(lower(escalation_reason), 'conflicting evidence') THEN 'conflict' ELSE 'other' END AS reason,
         CAST(floor(overall_score * 100 + 0.5) AS INTEGER) AS score,
         CAST(floor(confidence_score * 1000000 + 0.5) AS INTEGER) AS confidence,
         CAST(floor(conflict_density * 1000000 + 0.5) AS INTEGER) AS conflict,
         CASE red_flags WHEN '[]' THEN CAST([] AS VARCHAR[]) ELSE json_extract_string(red_flags, '$[*].severity') END AS f
  FROM scan_results
  WHERE created_at >= TIMESTAMP '2024-03-01' AND created_at < TIMESTAMP '2024-03-31' AND overall_score BETWEEN 0 AND 100
), counted AS (
  SELECT *, coalesce(((tail >> 24) + 3 * ((tail >> 16) & 255) + 5 * ((tail >> 8) & 255) + 7 * (tail & 255)) % 61 % 2, 0) AS fold,
         len(f) AS flags, len(list_filter(f, lambda e: e = 'critical')) AS critical,
         len(list_filter(f, lambda e: e = 'high')) AS high, len(list_filter(f, lambda e: e = 'medium')) AS medium,
         len(list_filter(f, lambda e: e = 'low')) AS low
  FROM typed
), capped AS (
  SELECT *,
         CASE WHEN score >= 8500 THEN 0 WHEN score >= 6500 THEN 1 WHEN score >= 4500 THEN 2 WHEN score >= 2500 THEN 3
              ELSE 4 END AS by_score,
         CASE WHEN confidence >= 700000 THEN 0 WHEN confidence >= 600000 THEN 1 WHEN confidence >= 500000 THEN 2
              WHEN confidence >= 400000 THEN 3 ELSE 4 END AS by_confidence,
         CASE WHEN flags IS NULL OR critical > 1 OR high > 4 THEN 4 WHEN critical = 1 OR high > 2 OR medium > 4 THEN 3
              WHEN high = 2 OR medium > 2 THEN 2 WHEN high = 1 OR medium = 2 THEN 1 ELSE 0 END AS by_flags,
         CASE WHEN critical > 0 THEN 'critical' WHEN high > 0 THEN 'high' WHEN medium > 0 THEN 'medium'
              WHEN low > 0 THEN 'low' WHEN flags = 0 THEN 'none' WHEN flags > 0 THEN '__other__' END AS worst
  FROM counted
), fine AS MATERIALIZED (
  SELECT v, label, outcome, fold, greatest(by_confidence, by_flags) AS cap, score // 100 AS score_bin,
         greatest(by_score, by_flags) AS cap_but_confidence, sufficient, confidence // 10000 AS confidence_bin,
         greatest(by_score, by_confidence) AS cap_but_flags, CASE WHEN flags IS NOT NULL THEN least(critical, 3) END AS worst_count,
         CASE WHEN flags IS NOT NULL THEN least(high, 5) END AS second_count, worst, reason, tier, date_trunc('month', created_at) AS month,
         conflict // 50000 AS conflict_bin, GROUPING(score_bin, confidence_bin, worst, conflict_bin) AS what,
         count(*) AS n
  FROM capped
  GROUP BY GROUPING SETS (
    (v, label, outcome, fold, cap, score_bin),
    (v, label, outcome, cap_but_confidence, sufficient, confidence_bin),
    (v, label, outcome, cap_but_flags, worst_count, second_count, worst, reason, sufficient, tier, month),
    (v, conflict_bin)
  )
), words AS (
  SELECT * REPLACE (
           CASE v WHEN '1.0.0' THEN v ELSE '__other__' END AS v,
           CASE WHEN label IN ('excellent', 'good', 'fair', 'weak', 'poor') THEN label
                WHEN label IS NULL THEN '__missing__' ELSE '__other__' END AS label,
           CASE WHEN tier IN ('basic', 'standard', 'premium') THEN tier
                WHEN tier IS NULL THEN '__missing__' ELSE '__other__' END AS tier,
           CASE outcome WHEN 1 THEN '1' WHEN 0 THEN '0' ELSE CASE WHEN outcome IS NULL THEN 'pending' ELSE 'invalid' END
           END AS outcome,
           CASE WHEN sufficient THEN 'yes' WHEN NOT sufficient THEN 'no' ELSE '__missing__' END AS sufficient,
           coalesce(worst, '__missing__') AS worst, strftime(month, '%Y-%m') AS month
         ),
         coalesce(CAST(worst_count AS VARCHAR), '__missing__') AS worsts,
         coalesce(CAST(second_count AS VARCHAR), '__missing__') AS seconds,
         CASE WHEN worst IS NULL THEN '__missing__' WHEN worst = 'none' THEN 'no' ELSE 'yes' END AS flagged,
         CASE reason WHEN 'none' THEN 'no' ELSE 'yes' END AS escalated,
         CASE WHEN confidence_bin IS NULL THEN 'missing' ELSE 'ok' END AS has_confidence,
         CASE WHEN conflict_bin IS NULL THEN 'missing' ELSE 'ok' END AS has_conflict
  FROM fine
)
SELECT 'score', v, [['a', 'b'][fold + 1], CAST(cap AS VARCHAR), label], score_bin, sum(n), 0
FROM words WHERE what = 7 GROUP BY ALL
UNION ALL
SELECT 'outcome_score', v, [CAST(cap AS VARCHAR), outcome], score_bin, sum(n), 0
FROM words WHERE what = 7 GROUP BY ALL
UNION ALL
SELECT 'confidence', v, [CAST(cap_but_confidence AS VARCHAR), label, sufficient, has_confidence], confidence_bin, sum(n), 0
FROM words WHERE what = 11 GROUP BY ALL
UNION ALL
SELECT 'outcome_confidence', v, [outcome, has_confidence], confidence_bin, sum(n), 0
FROM words WHERE what = 11 GROUP BY ALL
UNION ALL
SELECT 'flag_counts', v, [CAST(cap_but_flags AS VARCHAR), worsts, seconds], NULL, sum(n), 0
FROM words WHERE what = 13 GROUP BY ALL
UNION ALL
SELECT 'traits', v, [label, worst, reason], NULL, sum(n), 0 FROM words WHERE what = 13 GROUP BY ALL
UNION ALL
SELECT 'tier', v, [label, tier], NULL, sum(n), 0 FROM words WHERE what = 13 GROUP BY ALL
UNION ALL
SELECT 'sufficiency', v, [label, sufficient], NULL, sum(n), 0 FROM words WHERE what = 13 GROUP BY ALL
UNION ALL
SELECT 'readable', v, [CASE worst WHEN '__missing__' THEN 'missing' ELSE 'ok' END,
       CASE sufficient WHEN '__missing__' THEN 'missing' ELSE 'ok' END], NULL, sum(n), 0 FROM words WHERE what = 13 GROUP BY ALL
UNION ALL
SELECT 'period', v, [month, label, flagged, escalated, sufficient], NULL, sum(n), 0 FROM words WHERE what = 13 GROUP BY ALL
UNION ALL
SELECT 'outcome_period', v, [month, label, outcome], NULL, sum(n), 0 FROM words WHERE what = 13 GROUP BY ALL
UNION ALL
SELECT 'conflict', v, [has_conflict], conflict_bin, sum(n), 0 FROM words WHERE what = 14 GROUP BY ALL

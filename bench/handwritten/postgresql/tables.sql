-- All count tables: four groupings of the assessments from one pass, and the twelve tables from these few rows. The
-- groupings are by one number each, and OFFSET 0 keeps the planner from computing a value at each place that reads it.
WITH typed AS (
  SELECT CASE logic_version WHEN '1.0.0' THEN 0 ELSE 1 END AS v,
         CASE category WHEN 'excellent' THEN 0 WHEN 'good' THEN 1 WHEN 'fair' THEN 2 WHEN 'weak' THEN 3 WHEN 'poor' THEN 4
                       ELSE CASE WHEN category IS NULL THEN 6 ELSE 5 END END AS label,
         CASE WHEN data_sufficiency THEN 0 WHEN NOT data_sufficiency THEN 1 ELSE 2 END AS sufficient,
         CASE tier WHEN 'basic' THEN 0 WHEN 'standard' THEN 1 WHEN 'premium' THEN 2
                   ELSE CASE WHEN tier IS NULL THEN 4 ELSE 3 END END AS tier,
         CASE outcome WHEN 1 THEN 0 WHEN 0 THEN 1 ELSE CASE WHEN outcome IS NULL THEN 2 ELSE 3 END END AS outcome,
         CASE WHEN escalation_reason IS NULL OR escalation_reason = '' THEN 4
              WHEN escalation_reason ILIKE '%pattern recurrence%' THEN 0
              WHEN escalation_reason ILIKE '%low confidence%' THEN 1
              WHEN escalation_reason ILIKE '%conflicting evidence%' THEN 2 ELSE 3 END AS reason,
         right(subject, 4) AS tail,
         CAST(floor(overall_score * 100 + 0.5) AS integer) AS score,
         CAST(floor(confidence_score * 1000000 + 0.5) AS integer) AS confidence,
         coalesce(CAST(floor(conflict_density * 1000000 + 0.5) AS integer) / 50000 + 1, 0) AS conflict_bin,
         CASE jsonb_array_length(red_flags) WHEN 0 THEN 0
              WHEN 1 THEN 1 + CASE red_flags -> 0 -> 'severity' WHEN '"critical"' THEN 1000 WHEN '"high"' THEN 1000000
                                   WHEN '"medium"' THEN 1000000000 WHEN '"low"' THEN 1000000000000 ELSE 0 END
              WHEN 2 THEN 2 + CASE red_flags -> 0 -> 'severity' WHEN '"critical"' THEN 1000 WHEN '"high"' THEN 1000000
                                   WHEN '"medium"' THEN 1000000000 WHEN '"low"' THEN 1000000000000 ELSE 0 END
                            + CASE red_flags -> 1 -> 'severity' WHEN '"critical"' THEN 1000 WHEN '"high"' THEN 1000000
                                   WHEN '"medium"' THEN 1000000000 WHEN '"low"' THEN 1000000000000 ELSE 0 END
              ELSE CASE WHEN red_flags IS NOT NULL THEN
              (SELECT count(*) + 1000 * count(*) FILTER (WHERE y = '"critical"')
                      + 1000000 * count(*) FILTER (WHERE y = '"high"') + 1000000000 * count(*) FILTER (WHERE y = '"medium"')
                      + 1000000000000 * count(*) FILTER (WHERE y = '"low"')
               FROM (SELECT e -> 'severity' AS y FROM jsonb_array_elements(red_flags) AS e OFFSET 0) AS one) END END AS f
  FROM scan_results
  WHERE created_at >= '2024-03-01' AND created_at < '2024-03-31' AND overall_score BETWEEN 0 AND 100
  OFFSET 0
), capped AS (
  SELECT *, coalesce((ascii(tail) + 3 * ascii(substr(tail, 2)) + 5 * ascii(substr(tail, 3)) + 7 * ascii(substr(tail, 4)))
                     % 61 % 2, 0) AS fold,
         CASE WHEN score >= 8500 THEN 0 WHEN score >= 6500 THEN 1 WHEN score >= 4500 THEN 2 WHEN score >= 2500 THEN 3
              ELSE 4 END AS by_score,
         CASE WHEN confidence >= 700000 THEN 0 WHEN confidence >= 600000 THEN 1 WHEN confidence >= 500000 THEN 2
              WHEN confidence >= 400000 THEN 3 ELSE 4 END AS by_confidence,
         coalesce(confidence / 10000 + 1, 0) AS confidence_bin,
         CAST(f % 1000 AS integer) AS flags, CAST(f / 1000 % 1000 AS integer) AS critical,
         CAST(f / 1000000 % 1000 AS integer) AS high, CAST(f / 1000000000 % 1000 AS integer) AS medium,
         CAST(f / 1000000000000 AS integer) AS low
  FROM typed OFFSET 0
), flagged AS (
  SELECT *,
         CASE WHEN flags = 0 THEN 0 WHEN flags IS NULL OR critical > 1 OR high > 4 THEN 4
              WHEN critical = 1 OR high > 2 OR medium > 4 THEN 3 WHEN high = 2 OR medium > 2 THEN 2
              WHEN high = 1 OR medium = 2 THEN 1 ELSE 0 END AS by_flags,
         CASE WHEN flags = 0 THEN 4 WHEN critical > 0 THEN 0 WHEN high > 0 THEN 1 WHEN medium > 0 THEN 2 WHEN low > 0 THEN 3
              WHEN flags > 0 THEN 5 ELSE 6 END AS worst,
         CASE WHEN flags IS NULL THEN 4 ELSE least(critical, 3) END AS worst_count,
         CASE WHEN flags IS NULL THEN 6 ELSE least(high, 5) END AS second_count
  FROM capped OFFSET 0
), packed AS (
  SELECT ((((v * 2 + fold) * 5 + greatest(by_confidence, by_flags)) * 7 + label) * 4 + outcome) * 101 + score / 100 AS a,
         ((((v * 5 + greatest(by_score, by_flags)) * 7 + label) * 4 + outcome) * 3 + sufficient) * 102 + confidence_bin AS b,
         (((((((CAST(v AS bigint) * 5 + greatest(by_score, by_confidence)) * 5 + worst_count) * 7
             + second_count) * 7 + label) * 7 + worst) * 5 + reason) * 3 + sufficient) * 20
           + tier * 4 + outcome AS c,
         v * 22 + conflict_bin AS d
  FROM flagged OFFSET 0
), fine AS MATERIALIZED (
  SELECT a, b, c, d, count(*) AS n FROM packed GROUP BY GROUPING SETS ((a), (b), (c), (d))
), lists AS (
  SELECT ARRAY['1.0.0', '__other__'] AS v, ARRAY['excellent', 'good', 'fair', 'weak', 'poor', '__other__', '__missing__'] AS label,
         ARRAY['1', '0', 'pending', 'invalid'] AS outcome, ARRAY['yes', 'no', '__missing__'] AS sufficient,
         ARRAY['critical', 'high', 'medium', 'low', 'none', '__other__', '__missing__'] AS worst,
         ARRAY['pattern', 'confidence', 'conflict', 'other', 'none'] AS reason,
         ARRAY['basic', 'standard', 'premium', '__other__', '__missing__'] AS tier,
         ARRAY['0', '1', '2', '3', '__missing__'] AS worsts, ARRAY['0', '1', '2', '3', '4', '5', '__missing__'] AS seconds,
         ARRAY['a', 'b'] AS fold, ARRAY['0', '1', '2', '3', '4'] AS cap
), by_score AS (
  SELECT v[a / 28280 % 2 + 1] AS v, fold[a / 14140 % 2 + 1] AS fold, cap[a / 2828 % 5 + 1] AS cap,
         label[a / 404 % 7 + 1] AS label, outcome[a / 101 % 4 + 1] AS outcome, a % 101 AS bin, n
  FROM fine, lists WHERE a IS NOT NULL
), by_confidence AS (
  SELECT v[b / 42840 + 1] AS v, cap[b / 8568 % 5 + 1] AS cap, label[b / 1224 % 7 + 1] AS label,
         outcome[b / 306 % 4 + 1] AS outcome, sufficient[b / 102 % 3 + 1] AS sufficient, nullif(b % 102, 0) - 1 AS bin,
         CASE WHEN b % 102 = 0 THEN 'missing' ELSE 'ok' END AS state, n
  FROM fine, lists WHERE b IS NOT NULL
), by_words AS (
  SELECT v[c / 2572500 + 1] AS v, cap[c / 514500 % 5 + 1] AS cap, worsts[c / 102900 % 5 + 1] AS worsts,
         seconds[c / 14700 % 7 + 1] AS seconds, label[c / 2100 % 7 + 1] AS label, worst[c / 300 % 7 + 1] AS worst,
         reason[c / 60 % 5 + 1] AS reason, sufficient[c / 20 % 3 + 1] AS sufficient, tier[c / 4 % 5 + 1] AS tier,
         outcome[c % 4 + 1] AS outcome, n
  FROM fine, lists WHERE c IS NOT NULL
)
SELECT 'score', v, ARRAY[fold, cap, label], bin, sum(n), 0 FROM by_score GROUP BY 2, 3, 4
UNION ALL
SELECT 'outcome_score', v, ARRAY[cap, outcome], bin, sum(n), 0 FROM by_score GROUP BY 2, 3, 4
UNION ALL
SELECT 'confidence', v, ARRAY[cap, label, sufficient, state], bin, sum(n), 0 FROM by_confidence GROUP BY 2, 3, 4
UNION ALL
SELECT 'outcome_confidence', v, ARRAY[outcome, state], bin, sum(n), 0 FROM by_confidence GROUP BY 2, 3, 4
UNION ALL
SELECT 'flag_counts', v, ARRAY[cap, worsts, seconds], NULL, sum(n), 0 FROM by_words GROUP BY 2, 3
UNION ALL
SELECT 'traits', v, ARRAY[label, worst, reason], NULL, sum(n), 0 FROM by_words GROUP BY 2, 3
UNION ALL
SELECT 'tier', v, ARRAY[label, tier], NULL, sum(n), 0 FROM by_words GROUP BY 2, 3
UNION ALL
SELECT 'sufficiency', v, ARRAY[label, sufficient], NULL, sum(n), 0 FROM by_words GROUP BY 2, 3
UNION ALL
SELECT 'readable', v, ARRAY[CASE worst WHEN '__missing__' THEN 'missing' ELSE 'ok' END,
       CASE sufficient WHEN '__missing__' THEN 'missing' ELSE 'ok' END], NULL, sum(n), 0 FROM by_words GROUP BY 2, 3
UNION ALL
SELECT 'period', v,
       ARRAY['2024-03', label, CASE worst WHEN '__missing__' THEN worst WHEN 'none' THEN 'no' ELSE 'yes' END,
             CASE reason WHEN 'none' THEN 'no' ELSE 'yes' END, sufficient],
       NULL, sum(n), 0 FROM by_words GROUP BY 2, 3
UNION ALL
SELECT 'outcome_period', v, ARRAY['2024-03', label, outcome], NULL, sum(n), 0 FROM by_words GROUP BY 2, 3
UNION ALL
SELECT 'conflict', v[d / 22 + 1], ARRAY[CASE WHEN d % 22 = 0 THEN 'missing' ELSE 'ok' END], nullif(d % 22, 0) - 1, sum(n), 0
FROM fine, lists WHERE d IS NOT NULL GROUP BY 2, 3, 4

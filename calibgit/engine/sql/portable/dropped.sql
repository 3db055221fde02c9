-- Assessments of the window whose score cannot be counted, by reason.
-- @relation
SELECT {stratum} AS k0, {reason} AS k1, count(*) AS n
FROM ({assess}) AS a WHERE s IS NULL OR NOT (s BETWEEN {low} AND {high}) GROUP BY 1, 2

-- @reason
CASE WHEN s IS NULL THEN 'score_missing' WHEN s >= 1e308 OR s <= -1e308 THEN 'score_invalid' ELSE 'score_outside' END

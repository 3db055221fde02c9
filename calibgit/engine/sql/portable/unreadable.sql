-- Rows whose moment cannot be read, so that no window can have them.
-- @relation
SELECT {stratum} AS k0, 'time_unreadable' AS k1, count(*) AS n
FROM (SELECT {word:logic_version} AS v FROM {table} WHERE ({moment}) IS NULL) AS a GROUP BY 1, 2

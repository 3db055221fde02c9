-- All count tables from one pass over the facts. A row has the packed facts of its table, and NULL for all others.
-- @grouping_sets
SELECT {names}, count(*) AS n FROM (SELECT {numbers} FROM ({facts}) AS f) AS p GROUP BY GROUPING SETS ({sets})

-- @materialized
WITH packed AS MATERIALIZED (SELECT {numbers} FROM ({facts}) AS f)
{parts}

-- @part
SELECT {names}, count(*) AS n FROM packed GROUP BY {key}

-- All count tables from one pass over the facts. A row has the facts of its table, and NULL for all others.
-- @grouping_sets
SELECT {names}, count(*) AS n FROM ({facts}) AS f GROUP BY GROUPING SETS ({sets})

-- @materialized
WITH facts AS MATERIALIZED ({facts})
{parts}

-- @part
SELECT {own}, count(*) AS n FROM facts GROUP BY {keys}

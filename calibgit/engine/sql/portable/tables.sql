-- From one pass over the facts: all count tables; and over the subjects, how many there are, and sums of their rows and
-- of their rows with an indicator, squared too. A row has the place of its table, the packed facts and the count; or, in
-- the place after the tables, the stratum, its number of subjects and the sums.
-- @relation
WITH facts AS {kept} (SELECT {columns} FROM ({facts}) AS f){groupings}
{counted}{subjects}

-- @groupings: each row of facts is counted in a few groupings, the tables from their rows
, groupings AS {kept} ({grouped})

-- @by_sets
SELECT {names}, count(*) AS n FROM facts GROUP BY GROUPING SETS ({sets})

-- @one_by_one
SELECT {names}, count(*) AS n FROM facts GROUP BY {name}

-- @one_table
SELECT {place} AS what, {key} AS k, CAST(sum(n) AS BIGINT) AS n{nulls} FROM groupings WHERE {name} IS NOT NULL GROUP BY 2

-- @tables_by_sets
SELECT CASE {places} END AS what, coalesce({names}) AS k, count(*) AS n{nulls}
FROM facts GROUP BY GROUPING SETS ({sets})

-- @subjects
UNION ALL SELECT {place}, stratum, count(*), sum(n), sum(n * n), {sums}
FROM (SELECT stratum, u, count(*) AS n, {indicators} FROM facts GROUP BY 1, 2) AS g GROUP BY stratum

-- From one pass over the facts: all count tables; and over the subjects, how many there are, and sums of their rows and
-- of their rows with an indicator, squared too. A row has the packed facts of its table, or the stratum of its subjects,
-- and NULL for all others.
-- @relation
WITH facts AS {kept} (SELECT {columns} FROM ({facts}) AS f)
{tables}{subjects}

-- @grouping_sets
SELECT {names}, count(*) AS n{nulls} FROM facts GROUP BY GROUPING SETS ({sets})

-- @one_by_one
SELECT {names}, count(*) AS n{nulls} FROM facts GROUP BY {key}

-- @subjects
UNION ALL SELECT {names}, count(*), sum(n), sum(n * n), {sums}
FROM (SELECT stratum, u, count(*) AS n, {indicators} FROM facts GROUP BY 1, 2) AS g GROUP BY stratum

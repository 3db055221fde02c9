-- One row a flag type of an assessment: how often it occurs (o) and how often with each severity (c0, c1, ...).
-- @relation
SELECT v, json_extract(j.value, '$[0]') AS k, json_extract(j.value, '$[1]') AS o{taken}
FROM (SELECT v, CASE WHEN f = '[]' THEN '[]' ELSE
             (SELECT json_group_array(json_array(k, o{names}))
              FROM (SELECT {flag_key} AS k, count(*) AS o{counts} FROM ({types}) GROUP BY 1)) END AS q
      FROM (SELECT {word:logic_version} AS v, {number:score} AS s, {list:flags} AS f
            FROM {table} WHERE {within} LIMIT -1) WHERE f IS NOT NULL AND s BETWEEN {low} AND {high} LIMIT -1), json_each(q) AS j

-- @types
SELECT CASE WHEN typeof(t) = 'text' AND (substr(t, 1, 1) NOT IN ('[', '{') OR json_type(o, '$.type') = 'text')
            THEN t END AS w, y
FROM (SELECT CASE WHEN e.type = 'object' THEN json_extract(e.value, '$.type') END AS t,
             CASE WHEN e.type = 'object' THEN json_extract(e.value, '$.severity') END AS y, e.value AS o
      FROM json_each(f) AS e)

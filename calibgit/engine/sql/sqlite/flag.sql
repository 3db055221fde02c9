-- One row a flag type of an assessment, each type once; k is NULL for an assessment with a readable list.
-- @relation
SELECT v, s, nullif(j.value, '') AS k
FROM (SELECT v, s, CASE WHEN f = '[]' THEN '[""]' ELSE
             (SELECT json_group_array(DISTINCT k) FROM (SELECT {flag_key} AS k FROM ({types}) UNION ALL SELECT '')) END AS keys
      FROM (SELECT {word:logic_version} AS v, {number:score} AS s, {list:flags} AS f
            FROM {table} WHERE {within} LIMIT -1) WHERE f IS NOT NULL LIMIT -1), json_each(keys) AS j

-- @types
SELECT CASE WHEN typeof(t) = 'text' AND (substr(t, 1, 1) NOT IN ('[', '{') OR json_type(o, '$.type') = 'text')
            THEN t END AS w
FROM (SELECT CASE WHEN e.type = 'object' THEN json_extract(e.value, '$.type') END AS t, e.value AS o
      FROM json_each(f) AS e)

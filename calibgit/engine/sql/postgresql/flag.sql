-- One row a flag type of alike assessments with a score: how many they are (n), how often it occurs in one (o) and how
-- often with each severity (c0, c1, ...). Few lists differ in types and severities: p has the types and q the severities,
-- or p the flags themselves and q nothing where one of them is no object, or has no type or no severity.
-- @relation
SELECT v, n, k, o{names}
FROM (SELECT v, CASE WHEN {whole} THEN ws ELSE f END AS p, CASE WHEN {whole} THEN ys END AS q, count(*) AS n
      FROM (SELECT v, f, jsonb_path_query_array(f, 'strict $[*].type', '{}', TRUE) AS ws,
                   jsonb_path_query_array(f, 'strict $[*].severity', '{}', TRUE) AS ys
            FROM (SELECT {word:logic_version} AS v, {number:score} AS s, {list:flags} AS f
                  FROM {table} AS r WHERE {within} OFFSET 0) AS a
            WHERE s BETWEEN {low} AND {high} AND f <> '[]' OFFSET 0) AS b
      GROUP BY 1, 2, 3) AS c
CROSS JOIN LATERAL (SELECT {flag_key} AS k, count(*) AS o{counts}
                    FROM (SELECT CASE WHEN jsonb_typeof(w) = 'string' THEN w END AS w, y
                          FROM (SELECT w, y FROM ROWS FROM (jsonb_array_elements(p), jsonb_array_elements(q)) AS e (w, y)
                                WHERE q IS NOT NULL
                                UNION ALL
                                SELECT e -> 'type', e -> 'severity' FROM jsonb_array_elements(p) AS e WHERE q IS NULL) AS e
                          OFFSET 0) AS t GROUP BY 1) AS d

-- @whole
jsonb_array_length(ws) = jsonb_array_length(f) AND jsonb_array_length(ys) = jsonb_array_length(f)

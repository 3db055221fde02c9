-- One row a flag type of alike assessments with a score: how many they are (n), how often it occurs in one (o) and how
-- often with each severity (c0, c1, ...). Few lists differ in types and severities.
-- @relation
SELECT v, n, k, len(p) AS o{counts}
FROM (SELECT v, n, k, CASE WHEN len(ks) = 1 THEN ys ELSE list_filter(ys, lambda y, i: ks[i] = k) END AS p
      FROM (SELECT v, n, ks, ys, unnest(CASE WHEN len(ks) = 1 THEN ks ELSE list_distinct(ks) END) AS k
            FROM (SELECT v, n, list_transform(list_transform(f, lambda e: {type_token}), lambda w: {flag_key}) AS ks,
                         list_transform(f, lambda e: CAST(e.severity AS VARCHAR)) AS ys
                  FROM (SELECT v, f, count(*) AS n
                        FROM (SELECT {word:logic_version} AS v, {list:flags} AS f FROM {table}
                              WHERE {within} AND {number:score} BETWEEN {low} AND {high} AND {some:flags})
                        GROUP BY 1, 2))))

-- @type_token
CASE WHEN starts_with(CAST(e.type AS VARCHAR), '"') THEN CAST(e.type AS VARCHAR) END

-- One row a flag type of an assessment: how often it occurs (o) and how often with each severity (c0, c1, ...).
-- @relation
SELECT v, s, k, len(p) AS o{counts}
FROM (SELECT v, s, k, CASE WHEN len(ks) = 1 THEN ys ELSE list_filter(ys, lambda y, i: ks[i] = k) END AS p
      FROM (SELECT v, s, ks, ys, unnest(CASE WHEN len(ks) = 1 THEN ks ELSE list_distinct(ks) END) AS k
            FROM (SELECT v, s, list_transform(list_transform(f, lambda e: {type_token}), lambda w: {flag_key}) AS ks,
                         list_transform(f, lambda e: CAST(e.severity AS VARCHAR)) AS ys
                  FROM (SELECT {word:logic_version} AS v, {number:score} AS s, {list:flags} AS f
                        FROM {table} WHERE {within}))))

-- @type_token
CASE WHEN starts_with(CAST(e.type AS VARCHAR), '"') THEN CAST(e.type AS VARCHAR) END

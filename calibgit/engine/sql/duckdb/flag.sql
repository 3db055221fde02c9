-- One row a flag type of an assessment: how often it occurs (o) and how often with each severity (c0, c1, ...).
-- @relation
SELECT v, s, k, len(p) AS o{counts}
FROM (SELECT v, s, k, list_filter(q, lambda e: e.k = k) AS p
      FROM (SELECT v, s, q, unnest(list_distinct(list_transform(q, lambda e: e.k))) AS k
            FROM (SELECT v, s, list_transform(f, lambda e: {'k': {of_type}, 'w': CAST(e.severity AS VARCHAR)}) AS q
                  FROM (SELECT {word:logic_version} AS v, {number:score} AS s, {list:flags} AS f
                        FROM {table} WHERE {within}))))

-- @of_type
list_transform([{type_token}], lambda w: {flag_key})[1]

-- @type_token
CASE WHEN starts_with(CAST(e.type AS VARCHAR), '"') THEN CAST(e.type AS VARCHAR) END

-- One row a flag type of an assessment: how often it occurs (o) and how often with each severity (c0, c1, ...).
-- @relation
SELECT v, k, size(p) AS o{counts}
FROM (SELECT v, k, filter(q, e -> e.k = k) AS p
      FROM (SELECT v, transform(f, e -> named_struct('k', {of_type}, 'y', e.y)) AS q
            FROM (SELECT {word:logic_version} AS v, {number:score} AS s, {list:flags} AS f
                  FROM {table} WHERE {within}) AS a WHERE s BETWEEN {low} AND {high}) AS b
           LATERAL VIEW explode(array_distinct(transform(q, e -> e.k))) AS k) AS c

-- @of_type
element_at(transform(array(e.k), w -> {flag_key}), 1)

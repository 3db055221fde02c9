-- One row a flag type of an assessment, each type once; k is NULL for an assessment with a readable list.
-- @relation
SELECT v, s, unnest(list_append(list_distinct(list_transform(
           list_transform(f, lambda e: {type_token}), lambda w: {flag_key})), NULL)) AS k
FROM (SELECT {word:logic_version} AS v, {number:score} AS s, {list:flags} AS f FROM {table} WHERE {within})
WHERE f IS NOT NULL

-- @type_token
CASE WHEN starts_with(CAST(e.type AS VARCHAR), '"') THEN CAST(e.type AS VARCHAR) END

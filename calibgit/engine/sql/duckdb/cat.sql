-- One row a known category of an assessment; x is NULL or infinite when it holds no number.
-- @relation
SELECT v, s, k, TRY_CAST(CAST(x AS VARCHAR) AS DOUBLE) AS x
FROM (SELECT {word:logic_version} AS v, {number:score} AS s, unnest({category_list}) AS k,
             unnest(TRY(json_extract({document:category_scores}, {category_paths}))) AS x
      FROM {table} WHERE {within})

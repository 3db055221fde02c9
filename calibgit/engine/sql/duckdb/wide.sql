-- One row an assessment: x0, x1, ... are its scores by category, where they are numbers; o is the text, ja whether there
-- is none, j the tokens of the categories.
-- @relation
SELECT v, s, o, ja, j{wide}
FROM (SELECT {word:logic_version} AS v, {number:score} AS s,
             {document:category_scores} AS o, {absent:category_scores} AS ja,
             coalesce(TRY(json_extract({document:category_scores}, {category_paths})),
                      TRY(json_extract({mended:category_scores}, {category_paths}))) AS j FROM {table} WHERE {within})

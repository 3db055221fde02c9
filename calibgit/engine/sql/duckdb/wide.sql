-- One row an assessment: x0, x1, ... are its scores by category, where they are numbers; o is the text, ja whether there
-- is none. y has the scores where no member of an object is a text or a boolean, which this way of reading would take for
-- a number too; j, where y is not all that is needed, the tokens of the categories.
-- @relation
SELECT v, s, o, ja, j{wide}
FROM (SELECT v, s, o, ja, y,
             CASE WHEN NOT ({typed}) IS TRUE
             THEN coalesce(TRY(json_extract(o, {category_paths})), TRY(json_extract(regexp_replace(o, {halves}, '\\ufffd', 'g'), {category_paths})))
             END AS j
      FROM (SELECT v, s, o, ja, CASE WHEN NOT regexp_matches(o, ':[ \t\r\n]*["tf]') THEN TRY(from_json(o, {shape})) END AS y
            FROM (SELECT {word:logic_version} AS v, {number:score} AS s, {document:category_scores} AS o,
                         {absent:category_scores} AS ja FROM {table} WHERE {within})))

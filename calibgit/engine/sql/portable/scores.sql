-- Scores by category. A row has the packed category and state or bin, and the sums of its scores in fixed point and of the
-- squares of what they exceed the bin's lower edge by; or the stratum, and sums of scores and of products of two, over the
-- assessments that have a score in every category. What is there and is no score in the range is one less than the least
-- score.
-- @relation
WITH wide AS {kept} (
    SELECT {stratum} AS stratum, {units} FROM ({wide}) AS a WHERE s BETWEEN {low} AND {high} {fence})
SELECT {packed} AS k0, NULL AS k1, count(*) AS n, sum(w) AS t0, sum({above} * {above}) AS t1{nulls}
FROM ({tall}) AS a GROUP BY 1
UNION ALL SELECT NULL, stratum, count(*), {sums}
FROM (SELECT stratum, {offsets} FROM wide WHERE {complete} {fence}) AS a GROUP BY stratum

-- @one
SELECT stratum, {at} AS k, w{at} AS w FROM wide

-- Rows of the subjects with most rows, scores that cannot be counted included.
SELECT 'largest', '*', ARRAY[to_char(row_number() OVER (ORDER BY n DESC), 'FM000')], NULL, n, 0
FROM (SELECT count(*) AS n FROM scan_results
      WHERE created_at >= '2024-03-01' AND created_at < '2024-03-31'
      GROUP BY subject ORDER BY n DESC LIMIT 99) AS most

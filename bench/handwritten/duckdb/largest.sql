-- Rows of the subjects with most rows, scores that cannot be counted included.
SELECT 'largest', '*', [printf('%03d', row_number() OVER (ORDER BY n DESC))], NULL, n, 0
FROM (SELECT count(*) AS n FROM scan_results
      WHERE created_at >= TIMESTAMP '2024-03-01' AND created_at < TIMESTAMP '2024-03-31'
      GROUP BY subject ORDER BY n DESC LIMIT 99)

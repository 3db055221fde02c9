"""The door to data engines: the only place that opens a database. Rows stay inside; counts come out."""

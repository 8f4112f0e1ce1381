"""The report of an experiment: figures, tables and one page of HTML."""

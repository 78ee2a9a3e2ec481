"""An audit shown: for a terminal, as a table, as a page, as JUnit XML."""

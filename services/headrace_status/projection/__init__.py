"""Takes records in and writes the rows that follow from them, exactly once."""

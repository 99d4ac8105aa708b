"""One module per command (or few that belong together). Each imports what it needs when it runs."""

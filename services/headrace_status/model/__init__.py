"""The read model: its tables, the views that are its contract, the roles, and the migrations."""

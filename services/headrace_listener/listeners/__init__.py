"""`@listener` functions: what they want, how they are called, what becomes of failures."""

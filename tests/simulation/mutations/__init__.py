"""Rules taken out one by one: the simulation must notice each."""

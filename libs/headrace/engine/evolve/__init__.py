"""State changes, one function per event; `registry.evolve` finds them."""

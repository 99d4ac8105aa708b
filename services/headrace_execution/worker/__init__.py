"""The worker: reads what is assigned to it, runs it, sends results. It keeps no state that matters."""

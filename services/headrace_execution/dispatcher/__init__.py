"""The dispatcher: which worker runs which ready task, and when one is lost. A pure decider and its wiring."""

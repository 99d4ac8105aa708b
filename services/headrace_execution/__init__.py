"""Execution: the dispatcher, which decides where ready tasks run, and the worker, which runs them."""

"""Monthly billing: batches and a schedule."""

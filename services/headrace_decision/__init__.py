"""The decision service: what happens next in each workflow."""

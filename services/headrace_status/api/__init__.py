"""The read API: HTTP over the views, with a role that can only SELECT."""

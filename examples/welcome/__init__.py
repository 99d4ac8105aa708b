"""An email loop for a user's first weeks."""

"""Tasks that run elsewhere than in a thread, and middleware around them."""

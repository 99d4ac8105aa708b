"""What is run: tasks that are pure functions, random workflows of them, and a plain model of how each must end."""

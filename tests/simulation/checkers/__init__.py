"""What must hold, told from the records of the topics alone; written apart from the engine."""

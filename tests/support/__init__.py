"""What several tests need: real servers, fresh databases and namespaces."""

"""The event listener: public event topics, `@listener` functions, triggers."""

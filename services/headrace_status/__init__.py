"""The status query service: projects the journals into Postgres and answers questions about them."""

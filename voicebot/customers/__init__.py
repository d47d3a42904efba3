"""Who is calling and what he has: a port to the operator's customer data, its adapters, and what follows from it. It never speaks."""

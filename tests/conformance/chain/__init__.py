"""What every chain client must do, run against the fake and against a real node."""

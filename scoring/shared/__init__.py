"""What the scores of every task go through on their way to the chain: averages and weights."""

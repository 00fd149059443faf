"""What a backtest compares: policies as data, their results, and what it recommends."""

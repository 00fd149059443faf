"""`slipway backtest`: a model's history under several policies of retraining, without Airflow."""

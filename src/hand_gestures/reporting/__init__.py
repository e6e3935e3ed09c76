"""Figures from tables; knows neither networks nor Kedro nor MLflow."""

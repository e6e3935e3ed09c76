"""Plots, sheets of pictures, report and model card from tables; knows neither networks nor Kedro nor MLflow."""

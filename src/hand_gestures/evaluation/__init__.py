"""Quality of a trained classifier: metrics with intervals, tables, attention statistics and faithfulness."""

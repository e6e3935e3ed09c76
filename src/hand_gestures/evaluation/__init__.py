"""How good a trained classifier is: metrics with intervals, tables, attention statistics and faithfulness."""

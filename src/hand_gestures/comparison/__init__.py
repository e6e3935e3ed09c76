"""Compare the classifier with other networks and with fewer inputs, on the same clips and with the same settings.

`variants.py` says what is compared, `trials.py` trains and evaluates each variant with each seed, `pixel_baseline.py`
is the variant without a network, and `table.py` collects the trials.
"""

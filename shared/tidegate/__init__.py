"""Tidegate: a deployment service that you run yourself."""

"""Celery workers, beat and Flower of Tidegate."""

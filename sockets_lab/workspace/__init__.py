"""The learner's copy of the course: made, updated, checked, and opened in JupyterLab."""

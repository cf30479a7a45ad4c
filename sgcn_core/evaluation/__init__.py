"""Landmark errors on annotated scans."""

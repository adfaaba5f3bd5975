"""Accounting: own positions from fills, charges by dated tables, results, statistics, the day's curve."""

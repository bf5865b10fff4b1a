"""Ledger, hours and cached answers; behind one port."""

"""Facts that outlive every process: run records, ledger, leases, arrivals, requests.

All rest on one primitive, `Store.create`, which writes an object once or not at all.
"""

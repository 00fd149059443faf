"""Facts that outlive every process: run records, ledger, leases, arrivals, requests.

All of them stand on one primitive, `Store.create`: an object is written once, or not at all.
"""

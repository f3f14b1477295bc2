"""Deliver webhooks: find what is new, keep it in the bucket until it got through, and reach no inner
address.
"""

"""Zava DIY: the reference server of mcpdb. A retailer with eight stores, each a tenant."""

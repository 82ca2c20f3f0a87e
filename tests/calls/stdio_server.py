"""The shop over standard input and output, as its northern tenant."""

import sys

from mcpdb import FixedTenancy, Tenant
from shop import shop_server

if __name__ == "__main__":
    shop_server(sys.argv[1], tenancy=FixedTenancy(Tenant.of("north"))).run()

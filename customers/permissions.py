"""Who may read customers: those who work with borrowers. A client reads the own profile and the own loans."""

from borrowers.models import Borrower
from crm_backend.common.policy import ADMIN, Policy
from users.choices import Role

READERS = (ADMIN, Role.BD, Role.BROKER)
# What a customer brings is the lender's own matter: it tells what other brokers were paid.
VALUE_READERS = (ADMIN, Role.BD)

CUSTOMERS = Policy("customers", Borrower, {"list": READERS, "retrieve": READERS})

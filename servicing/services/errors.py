"""Why money services refuse."""

from crm_backend.common.errors import Conflict


class LoanNotOpen(Conflict):
    """There is no loan to do this with: not settled yet, paid out, or written off."""

    code = "loan_not_open"
    title = "The loan is not open"


class RefundedAlready(Conflict):
    """It would take money that has been given back."""

    code = "refunded_already"
    title = "The money has been given back"
    default_detail = "Money that was received before has been refunded, so it cannot pay anything any more."


class NotHeld(Conflict):
    """More is to be given back than is held; `held` says how much is."""

    code = "not_held"
    title = "So much is not held"


class WrongPayoff(Conflict):
    """A payoff is paid with another amount than the figure; `figure` has the right one."""

    code = "wrong_payoff"
    title = "Not the payoff figure"


class PaidAlready(Conflict):
    """Commissions are paid once; `commissions` has the ids of those that are."""

    code = "paid_already"
    title = "Paid already"
    default_detail = "A commission is paid once."


class TermsInUse(Conflict):
    """Terms of a partner begin after its last settlement, on `last_settled_on`, which stays as agreed."""

    code = "terms_in_use"
    title = "Terms in use"
    default_detail = "A loan that this partner referred was settled on the first day of these terms or later."

from otree.api import *

from . import *


class PlayerBot(Bot):
    cases = ['trade', 'too little', 'too late']

    def play_round(self):
        is_buyer = self.player.role == C.BUYER_ROLE
        yield Introduction
        yield SubmissionMustFail(Talk, dict(price=C.VALUE_MAX + 1), error_fields=['price'])
        prices = dict(buyer=30, seller=20) if self.case == 'trade' else dict(buyer=20, seller=30)
        is_late = self.case == 'too late' and is_buyer
        yield Submission(Talk, dict(price=prices['buyer' if is_buyer else 'seller']), timeout_happened=is_late)
        expect(self.player.is_late, is_late)
        expect(self.group.is_trade, self.case == 'trade')
        gain = self.player.value - 25 if is_buyer else 25 - self.player.value
        expect(self.player.payoff, gain if self.case == 'trade' else 0)
        yield Results

from otree.api import *

from . import *


class PlayerBot(Bot):
    def play_round(self):
        yield SubmissionMustFail(Instructions, dict(ready=False), error_fields=['ready'])
        yield Instructions, dict(ready=True)

        wrong = dict(decider='Player A', factor=2, amount=9)
        yield SubmissionMustFail(Questions, wrong, error_fields=['decider', 'factor', 'amount'])
        expect('at most 8 coins', 'in', self.html)
        yield Questions, dict(decider='Player B', factor=3, amount=8)

        yield SubmissionMustFail(Split, dict(share_a=2, share_b=2))
        expect('yours sum to 4', 'in', self.html)
        yield Split, dict(share_a=1, share_b=1)

        expect(self.player.mistakes, 4)
        yield Results

from otree.api import *

from . import *


class PlayerBot(Bot):
    def play_round(self):
        yield SubmissionMustFail(Entscheidung, dict(spende=11, schaetzung=101), error_fields=['spende', 'schaetzung'])
        yield Entscheidung, dict(spende=3, schaetzung='27,5')
        expect(self.player.payoff, 7)
        expect(self.player.schaetzung, 27.5)
        yield Ergebnis

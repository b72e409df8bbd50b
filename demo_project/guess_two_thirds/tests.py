from otree.api import *

from . import *


class PlayerBot(Bot):
    def play_round(self):
        if self.round_number == 1:
            yield Introduction
            yield SubmissionMustFail(Guess, dict(guess=C.GUESS_MAX + 1))
        # Everybody guesses the same in the last round, so all share the prize.
        yield Guess, dict(guess=30 if self.round_number == 3 else 30 * self.player.id_in_group)
        if self.round_number == 3:
            expect(self.player.payoff, C.PRIZE / 3)
        else:
            expect(self.group.two_thirds, 40)
            expect(self.player.is_winner, self.player.id_in_group == 1)
        yield Results

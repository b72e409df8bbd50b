from otree.api import *

from . import *

STATEMENTS = dict(worried=4, effort=5, others=2, flights=3)
JOURNEY = dict(vehicle='Plane', day='2024-02-29', hour='06:45')


class PlayerBot(Bot):
    cases = ['time known', 'time forgotten']

    def play_round(self):
        yield SubmissionMustFail(Statements, dict(STATEMENTS, worried=6), error_fields=['worried'])
        yield Statements, STATEMENTS

        yield SubmissionMustFail(Measures, dict(trains=True, solar=True, forests=True, tax=50))
        expect('you chose 3', 'in', self.html)
        yield Measures, dict(trains=True, research=True, tax=50)
        expect([self.player.trains, self.player.solar], [True, False])

        wrong = dict(JOURNEY, day='2026-01-01', hour='25:00')
        yield SubmissionMustFail(Journey, wrong, error_fields=['day', 'hour'])
        yield Journey, dict(JOURNEY, hour='06:45' if self.case == 'time known' else '')
        expect(self.player.day, '2024-02-29')

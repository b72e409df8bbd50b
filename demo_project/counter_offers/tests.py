from otree.api import *

from . import *


class PlayerBot(Bot):
    cases = ['at once', 'countered', 'never']

    def play_round(self):
        yield Instructions
        yield Submission(Bargain, check_html=False)
        shares = {'at once': [60, 40], 'countered': [35, 55], 'never': [0, 0]}[self.case]
        expect(self.player.share, shares[self.player.id_in_group - 1])
        expect(self.player.payoff, self.player.share)
        yield Results


def call_live_method(group, case, **kwargs):
    def send(number, **data):  # oTree 6 hands over a method that does nothing
        return Bargain.live_method(group.get_player_by_id(number), data)

    expect('problem', 'in', send(2, type='offer', amount=5)[2])
    expect('problem', 'in', send(1, type='answer', accept=True)[1])
    for amount in (-1, 101, 1.5, None, '40'):
        expect('problem', 'in', send(1, type='offer', amount=amount)[1])
    expect(Bargain.error_message(group.get_player_by_id(1), {}), '!=', None)
    seen = send(1, type='offer', amount=40)
    expect([seen[number]['my_turn'] for number in (1, 2)], [False, True])
    expect(seen[2]['offers'], [dict(mine=False, pie=100, amount=40, answer='')])
    expect('problem', 'in', send(1, type='answer', accept=True)[1])
    expect('problem', 'in', send(2, type='answer', accept=False)[2])
    if case == 'at once':
        send(2, type='answer', accept=True)
    elif case == 'countered':
        send(2, type='offer', amount=35)
        send(1, type='answer', accept=True)
    else:
        for number in (2, 1, 2, 1):
            seen = send(number, type='offer', amount=60)
        expect(seen[2]['next_pie'], None)
        expect('problem', 'in', send(2, type='offer', amount=0)[2])
        send(2, type='answer', accept=False)
    expect(group.is_settled, True)
    expect('problem', 'in', send(1, type='offer', amount=1)[1])

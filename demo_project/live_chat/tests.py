from otree.api import *

from . import *


class PlayerBot(Bot):
    cases = ['done', 'too late']

    def play_round(self):
        yield Instructions
        yield Submission(Talk, timeout_happened=self.case == 'too late')
        expect(self.player.is_done, self.case == 'done')
        yield SubmissionMustFail(Agreement, dict(agreed='Football'), error_fields=['agreed'])
        yield Agreement, dict(agreed=C.CHARITIES[1])


def call_live_method(group, case, **kwargs):
    def send(number, **data):  # oTree 6 hands over a method that does nothing
        return Talk.live_method(group.get_player_by_id(number), data)

    players = group.get_players()
    for text in ('', '  ', 'x' * (C.LENGTH_MAX + 1), None, 7):
        expect('problem', 'in', send(1, type='say', text=text)[1])
    seen = send(1, type='say', text=' <b>Water</b> & nothing else. ')
    expect(seen[1]['messages'], [dict(who='You', text='<b>Water</b> & nothing else.')])
    expect(seen[2]['messages'], [dict(who='Participant 1', text='<b>Water</b> & nothing else.')])
    if case == 'done':
        for player in players:
            seen = send(player.id_in_group, type='done')
            expect(seen[1]['all_done'], player == players[-1])
        seen = send(1, type='say', text='One more thing')
        expect(len(seen[2]['messages']), 1)

from otree.api import *

from . import *


class PlayerBot(Bot):
    def play_round(self):
        yield Instructions
        yield Submission(Market, timeout_happened=True, check_html=False)
        expect(self.player.payoff, self.player.profit)
        yield Results


def call_live_method(group, **kwargs):
    """The first buyer and the first seller trade both their units; whoever else there is only names prices."""

    def send(number, **data):  # oTree 6 hands over a method that does nothing
        return Market.live_method(group.get_player_by_id(number), data)

    buyer, seller = group.get_player_by_id(1), group.get_player_by_id(2)
    expect([buyer.is_buyer, seller.is_buyer], [True, False])
    for price in (0, C.PRICE_MAX + 1, 1.5, None, '40'):
        expect('problem', 'in', send(1, type='offer', price=price)[1])
    for other in group.get_players()[2:]:
        send(other.id_in_group, type='offer', price=2 if other.is_buyer else 99)

    send(1, type='offer', price=20)
    seen = send(1, type='offer', price=30)
    expect([offer['price'] for offer in seen[2]['bids'] if not offer['mine']][0], 30)
    expect([offer['price'] for offer in seen[1]['bids'] if offer['mine']], [30])
    bid = seen[2]['bids'][0]['id']
    expect(send(1, type='accept', offer=bid)[1]['problem'], 'This offer is no longer the best one.')
    seen = send(2, type='offer', price=25)  # it meets the bid, and the standing price counts
    expect(seen[1]['trades'], [dict(price=30, mine=True)])
    expect([seen[1]['unit'], seen[2]['unit']], [buyer.worth_2, seller.worth_2])
    expect([seen[1]['profit'], seen[2]['profit']], [buyer.worth_1 - 30, 30 - seller.worth_1])
    expect(send(2, type='accept', offer=bid)[2]['problem'], 'This offer is no longer the best one.')

    ask = send(2, type='offer', price=60)[1]['asks'][0]
    expect(ask['price'], 60)
    seen = send(1, type='accept', offer=ask['id'])
    expect([trade['price'] for trade in seen[1]['trades']], [30, 60])
    expect(seen[1]['closed'], len(group.get_players()) < 4)
    expect(send(1, type='offer', price=50)[1]['problem'], 'You have no more units to trade.')
    expect(buyer.profit + seller.profit, buyer.worth_1 + buyer.worth_2 - seller.worth_1 - seller.worth_2)
    expect([buyer.price_1, buyer.price_2, seller.price_1, seller.price_2], [30, 60, 30, 60])
    states = [(offer.price, offer.state) for offer in Offer.filter(player=buyer)]
    expect(states, [(20, 'replaced'), (30, 'traded')])

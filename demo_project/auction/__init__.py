import random
import time

from otree.api import *

doc = """
Continuous double auction (Smith, 1962): buyers and sellers, with two units each, name prices on a live page until the
market closes (auction_seconds in the session config). A unit is traded at the standing price as soon as somebody
accepts the best offer or names a price that meets it.
"""


class C(BaseConstants):
    NAME_IN_URL = 'auction'
    PLAYERS_PER_GROUP = None
    NUM_ROUNDS = 1
    UNITS = 2
    PRICE_MAX = 100
    # what the first and the second unit may be worth to a buyer, and cost a seller
    VALUES = [(65, 90), (45, 64)]
    COSTS = [(10, 35), (36, 55)]


class Subsession(BaseSubsession):
    pass


class Group(BaseGroup):
    opened_at = models.FloatField(doc='When the market opened, in seconds since 1970.')


class Player(BasePlayer):
    is_buyer = models.BooleanField()
    worth_1 = models.IntegerField(doc='What the first unit is worth to the buyer, or costs the seller.')
    worth_2 = models.IntegerField(doc='The same of the second unit.')
    price_1 = models.IntegerField(doc='The price at which the first unit was traded, if it was.')
    price_2 = models.IntegerField()
    profit = models.IntegerField(initial=0)


class Offer(ExtraModel):
    """A price that somebody named. A player has at most one that stands: a new one takes its place."""

    group = models.Link(Group)
    player = models.Link(Player)
    price = models.IntegerField()
    seconds = models.FloatField(doc='Since the market opened.')
    state = models.StringField(initial='standing', doc='standing, replaced or traded')


class Trade(ExtraModel):
    group = models.Link(Group)
    buyer = models.Link(Player)
    seller = models.Link(Player)
    price = models.IntegerField()
    seconds = models.FloatField(doc='Since the market opened.')


def creating_session(subsession: Subsession):
    for player in subsession.get_players():
        player.is_buyer = player.id_in_group % 2 == 1
        limits = C.VALUES if player.is_buyer else C.COSTS
        player.worth_1, player.worth_2 = [random.randint(*each) for each in limits]


def open_market(group: Group):
    group.opened_at = time.time()


def prices_of(player: Player):
    """The prices of the units that the player has traded."""
    prices = [player.field_maybe_none(name) for name in ('price_1', 'price_2')]
    return [price for price in prices if price is not None]


def next_unit(player: Player):
    """The value or the cost of the unit that the player trades next. None if none is left."""
    return [player.worth_1, player.worth_2, None][len(prices_of(player))]


def standing(group: Group, is_bid: bool):
    """The offers to buy or to sell that stand, the best first."""
    offers = [offer for offer in Offer.filter(group=group, state='standing') if offer.player.is_buyer == is_bid]
    return sorted(offers, key=lambda offer: -offer.price if is_bid else offer.price)


def is_closed(group: Group):
    """Whether nothing can be traded any more, for one side has no units left."""
    left = [player.is_buyer for player in group.get_players() if next_unit(player) is not None]
    return len(set(left)) < 2


def make_offer(player: Player, price):
    """Takes the best offer of the other side if the price meets it, and lets the offer stand if not."""
    if type(price) is not int or not 1 <= price <= C.PRICE_MAX:
        return f'Please name a whole number from 1 to {C.PRICE_MAX}.'
    withdraw(player)
    offer = Offer.create(group=player.group, player=player, price=price, seconds=since_opening(player.group))
    for best in standing(player.group, not player.is_buyer)[:1]:
        if (price >= best.price) if player.is_buyer else (price <= best.price):
            offer.state = 'traded'
            trade(player, best)


def accept_offer(player: Player, number):
    """Takes an offer, which must be the best one: somebody else may have been quicker."""
    best = standing(player.group, not player.is_buyer)[:1]
    if [offer.id for offer in best] != [number]:
        return 'This offer is no longer the best one.'
    withdraw(player)
    trade(player, best[0])


def withdraw(player: Player):
    for offer in Offer.filter(player=player, state='standing'):
        offer.state = 'replaced'


def trade(player: Player, offer: Offer):
    """The player takes somebody else's offer."""
    buyer, seller = (player, offer.player) if player.is_buyer else (offer.player, player)
    buyer.profit += next_unit(buyer) - offer.price
    seller.profit += offer.price - next_unit(seller)
    for trader in (buyer, seller):
        trader.payoff = trader.profit
        setattr(trader, f'price_{len(prices_of(trader)) + 1}', offer.price)
    seconds = since_opening(player.group)
    Trade.create(group=player.group, buyer=buyer, seller=seller, price=offer.price, seconds=seconds)
    offer.state = 'traded'


def since_opening(group: Group):
    return round(time.time() - group.opened_at, 1)


def view(player: Player):
    """The market as this player sees it."""
    group = player.group
    bids, asks = [
        [dict(id=offer.id, price=offer.price, mine=offer.player == player) for offer in standing(group, is_bid)]
        for is_bid in (True, False)
    ]
    trades = [
        dict(price=trade.price, mine=player in (trade.buyer, trade.seller)) for trade in Trade.filter(group=group)
    ]
    unit = next_unit(player)
    return dict(bids=bids, asks=asks, trades=trades, unit=unit, profit=player.profit, closed=is_closed(group))


class Instructions(Page):
    pass


class OpeningWaitPage(WaitPage):
    after_all_players_arrive = open_market


class Market(Page):
    timer_text = 'The market closes in:'

    @staticmethod
    def get_timeout_seconds(player: Player):
        return player.session.config['auction_seconds']

    @staticmethod
    def js_vars(player: Player):
        return dict(is_buyer=player.is_buyer)

    @staticmethod
    def live_method(player: Player, data):
        """Everybody sees what has changed. What is wrong, only who did it."""
        problem = None
        if data['type'] in ('offer', 'accept') and next_unit(player) is None:
            problem = 'You have no more units to trade.'
        elif data['type'] == 'offer':
            problem = make_offer(player, data['price'])
        elif data['type'] == 'accept':
            problem = accept_offer(player, data['offer'])
        if problem:
            return {player.id_in_group: dict(problem=problem)}
        return {other.id_in_group: view(other) for other in player.group.get_players()}


class ClosingWaitPage(WaitPage):
    pass


class Results(Page):
    @staticmethod
    def vars_for_template(player: Player):
        sign = 1 if player.is_buyer else -1
        own = [
            dict(worth=worth, price=price, profit=sign * (worth - price))
            for worth, price in zip([player.worth_1, player.worth_2], prices_of(player), strict=False)
        ]
        return dict(own=own, trades=Trade.filter(group=player.group))


page_sequence = [Instructions, OpeningWaitPage, Market, ClosingWaitPage, Results]


def custom_export(players):
    """All offers, which have one side, and all trades, which have both."""
    yield ['session', 'event', 'buyer', 'seller', 'price', 'seconds', 'state']
    for player in players:
        session, code = player.session.code, player.participant.code
        sides = [code, ''] if player.is_buyer else ['', code]
        for offer in Offer.filter(player=player):
            yield [session, 'offer', *sides, offer.price, offer.seconds, offer.state]
        for trade in Trade.filter(buyer=player):
            yield [session, 'trade', code, trade.seller.participant.code, trade.price, trade.seconds, '']

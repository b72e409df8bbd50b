import random

from otree.api import *

doc = """
Bargaining with talk (Valley and others, 2002): a buyer and a seller, who each know only their own value, talk in a chat
for a limited time (talk_seconds in the session config) and then name their prices. They trade at the mean of both if
the buyer's is not the lower one.
"""


class C(BaseConstants):
    NAME_IN_URL = 'bargaining'
    PLAYERS_PER_GROUP = 2
    NUM_ROUNDS = 1
    BUYER_ROLE = 'Buyer'
    SELLER_ROLE = 'Seller'
    VALUE_MAX = cu(50)


class Subsession(BaseSubsession):
    pass


class Group(BaseGroup):
    is_trade = models.BooleanField(initial=False)
    price = models.CurrencyField()


class Player(BasePlayer):
    value = models.CurrencyField(doc='What the good is worth to the buyer, or what it costs the seller.')
    price = models.CurrencyField(min=0, max=C.VALUE_MAX)
    is_late = models.BooleanField(doc='Whether the time was over before a price was named.')


def creating_session(subsession: Subsession):
    for player in subsession.get_players():
        player.value = random.randint(0, int(C.VALUE_MAX))


def set_payoffs(group: Group):
    buyer, seller = group.get_player_by_role(C.BUYER_ROLE), group.get_player_by_role(C.SELLER_ROLE)
    if buyer.is_late or seller.is_late or buyer.price < seller.price:
        return
    group.is_trade = True
    group.price = (buyer.price + seller.price) / 2
    buyer.payoff = buyer.value - group.price
    seller.payoff = group.price - seller.value


class Introduction(Page):
    pass


class MeetWaitPage(WaitPage):
    pass


class Talk(Page):
    form_model = 'player'
    form_fields = ['price']
    timer_text = 'Time left to agree:'

    @staticmethod
    def get_timeout_seconds(player: Player):
        return player.session.config['talk_seconds']

    @staticmethod
    def before_next_page(player: Player, timeout_happened):
        player.is_late = timeout_happened


class ResultsWaitPage(WaitPage):
    after_all_players_arrive = set_payoffs


class Results(Page):
    pass


page_sequence = [Introduction, MeetWaitPage, Talk, ResultsWaitPage, Results]
